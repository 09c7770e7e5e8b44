/** `pxen serve`: answers the drive's machines until interrupted; wakes nobody, starts no VM. */

import path from 'node:path';
import type { PoolEvent } from '../../protocol';
import { settingPlace } from '../drive/settingPlace';
import { openDriveState } from '../drive/stateStore';
import { openCapture } from '../netboot/capture';
import { startBootServer } from '../netboot/bootServer';
import { servedAddresses, STANDARD_PORTS } from '../netboot/endpoints';
import { nginxConfig } from '../netboot/http/nginx';
import { machineInterfaces } from '../netboot/machineInterfaces';
import type { ListenAddress } from '../netboot/sockets';
import { wayToRoot } from '../netboot/portHelper/wayToRoot';
import type { NetbootEvent } from '../netboot/server';
import { createBootTokens } from '../netboot/tokens';
import { answeredBySpecs } from '../pool/answered';
import { PoolError } from '../pool/errors';
import { followDrive } from '../pool/followDrive';
import { machineFolders, openMachines } from '../pool/machines';
import { claimReachably, loadRpc } from '../pool/reachable';
import type { PoolKeys } from '../pool/keys';
import type { BackendHandlers } from '../pool/rpc';
import { loadSoundDrive } from '../pool/soundDrive';
import { systemClock, systemRandom, type Log } from '../system';
import { isExpected } from './expected';
import { EXIT, type VerbIo } from './io';
import { servingSentence } from './poolText';
import { readUpstream, type ServingOptions } from './serving';

export interface ServeOptions extends ServingOptions {
  readonly drive: string;
  /** Print nginx's configuration instead of serving. */
  readonly printNginxConfig: boolean;
  /** One event a line on standard output. */
  readonly json: boolean;
}

/** Exits 0 when interrupted or asked to stop, 2 when it couldn't begin: an invalid drive, no image, a port in use. */
export async function runServe(options: ServeOptions, io: VerbIo): Promise<number> {
  const httpUpstream = readUpstream(options.httpUpstream, io);
  if (httpUpstream === 'wrong') return EXIT.usage;
  try {
    if (options.printNginxConfig) await printNginxConfig(options.drive, httpUpstream ?? DEFAULT_UPSTREAM, io);
    else await serve({ ...options, httpUpstream }, io);
    return EXIT.ok;
  } catch (error) {
    if (!isExpected(error)) throw error;
    io.err(`${error.message}\n`);
    return EXIT.usage;
  }
}

async function serve({ drive: folder, despiteOtherDhcp, capture, json, tftpSinglePort, httpUpstream }: Omit<ServeOptions, 'httpUpstream'> & { readonly httpUpstream: ListenAddress | undefined }, io: VerbIo): Promise<void> {
  const root = path.resolve(folder);
  const [clock, random] = [systemClock, systemRandom];
  const listeners = new Set<(event: PoolEvent) => void>([(event) => show(event, json, io)]);
  const now = () => new Date(clock.now()).toISOString();
  const emit = (event: PoolEvent) => {
    for (const listener of listeners) listener(event);
  };
  const log: Log = (level, sentence) => emit({ event: 'log', at: now(), level, sentence });

  const { model: first } = await loadSoundDrive(root);
  const stop = new AbortController();
  const closers: (() => Promise<void>)[] = [];
  try {
    if (capture !== undefined) {
      const taken = await openCapture({ file: capture, clock, onTrouble: (sentence) => log('warn', sentence) });
      closers.push(() => taken.close());
    }
    const environment = await openMachines(root, first, machineInterfaces(), { portHelper: io.interactive ? wayToRoot('sudo') : undefined, httpUpstream, tftpSinglePort });
    const beside = handlersBeside(log, emit, () => stop.abort());
    const claiming = claimReachably({
      ...environment,
      clock,
      handlers: beside.handlers,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      log,
    });
    closers.push(async () => {
      await claiming.then((claim) => claim.release(), () => undefined);
    });
    // Nobody is asked for a password on a drive that another works on; otherwise the ports are opened meanwhile.
    if (environment.netboot.portHelper !== undefined) await claiming;
    // Booted hosts get them, a minute after the first answer: until that is sent nothing waits for ssh to be loaded.
    let keys: Promise<PoolKeys> | undefined;
    const authorizedKeys = async () => (await (keys ??= openKeys(environment.keysFolder, first.cluster.name))).authorizedKeys;
    const drive = followDrive({ root, first, answered: answeredBySpecs, clock, log });
    closers.push(() => drive.close());
    const model = () => drive.model();
    const starting = startBootServer({
      mayServe: claiming,
      model,
      imagesFolder: environment.imagesFolder,
      image: () => environment.image(model()),
      endpoints: environment.netboot,
      stateFolder: environment.stateFolder,
      despiteOtherDhcp,
      placeOfDhcp: () => settingPlace(root, 'network', 'dhcp'),
      tokens: createBootTokens({ state: openDriveState(environment.stateFolder, clock, random), model, clock, random }),
      authorizedKeys,
      onEvent: (event) => emit(netbootEvent(event, now())),
      clock,
      random,
      log,
    });
    closers.push(async () => {
      await starting.then((server) => server.close(), () => undefined);
    });
    // Together, since either may fail while the other goes on. Another backend on the drive is why ports are taken, and told first.
    await Promise.allSettled([claiming, starting]);
    await claiming;
    const server = await starting;
    await authorizedKeys();
    emit({ event: 'serving', at: now(), addresses: servedAddresses(environment.netboot, server.ports) });
    if (!json) {
      const { network } = first.cluster;
      io.err(`Answering ${first.hosts.length === 1 ? '1 host' : `${first.hosts.length} hosts`} of ${first.cluster.name} on ${environment.netboot.interface ?? network.server} (DHCP ${network.dhcp}), image ${environment.image(first)}. Ctrl+C ends it.\n`);
    }
    beside.load().then(
      () => log('debug', "All is loaded: PXEN's own files may be built anew from now on."),
      (error: unknown) => log('warn', `What answers \`pxen status\` and \`pxen down\` could not be loaded: ${String(error)}`),
    );
    await aborted(AbortSignal.any([io.signal, stop.signal]));
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function openKeys(folder: string, cluster: string): Promise<PoolKeys> {
  const { openPoolKeys } = await import('../pool/keys');
  return openPoolKeys(folder, `pxen-${cluster}`);
}

/**
 * Answers `pxen status` and `pxen down` of others meanwhile, by asking the hosts; it runs no pool itself. Loaded once machines are
 * answered: a pool and its ssh take longer to load than all that answers them.
 */
function handlersBeside(log: Log, onEvent: (event: PoolEvent) => void, onStop: () => void): { readonly handlers: BackendHandlers; readonly load: () => Promise<unknown> } {
  let loaded: Promise<BackendHandlers> | undefined;
  const open = async () => {
    const [{ realParts }, { PoolService }] = await Promise.all([import('../pool/parts'), import('../pool/service'), loadRpc()]);
    const service = new PoolService({
      openEnvironment: (target, root, model) => {
        if (target !== 'machines') throw new PoolError(`A ${target} lab can't be opened beside \`pxen serve\`.`, 'End that first.');
        return openMachines(root, model, realParts.interfaces());
      },
      parts: realParts,
      log,
      onEvent,
      onStop,
    });
    return service.handlers;
  };
  const load = () =>
    (loaded ??= open().catch((error: unknown) => {
      // Whoever asks next may find it in its place.
      loaded = undefined;
      throw error;
    }));
  const handlers: BackendHandlers = {
    'pool/boot': async (params, signal) => (await load())['pool/boot'](params, signal),
    'pool/status': async (params, signal) => (await load())['pool/status'](params, signal),
    'pool/down': async (params, signal) => (await load())['pool/down'](params, signal),
    'pool/wake': async (params, signal) => (await load())['pool/wake'](params, signal),
    'backend/stop': async (params, signal) => (await load())['backend/stop'](params, signal),
  };
  return { handlers, load };
}

function netbootEvent({ mac, host, sentence }: NetbootEvent, at: string): PoolEvent {
  return { event: 'netboot', at, ...(mac !== undefined && { mac }), ...(host !== undefined && { host }), sentence };
}

/** Plain sentences for people, every event for machines. */
function show(event: PoolEvent, json: boolean, io: VerbIo): void {
  if (json) {
    io.out(`${JSON.stringify(event)}\n`);
    return;
  }
  const time = event.at.slice(11, 19);
  if (event.event === 'serving') {
    io.err(`${time} ${servingSentence(event.addresses)}\n`);
  } else if (event.event === 'netboot' || (event.event === 'log' && event.level !== 'debug')) {
    io.err(`${time} ${event.sentence}\n`);
  }
}

const DEFAULT_UPSTREAM: ListenAddress = { address: '127.0.0.1', port: 8080 };

async function printNginxConfig(drive: string, upstream: ListenAddress, io: VerbIo): Promise<void> {
  const root = path.resolve(drive);
  const { model } = await loadSoundDrive(root);
  io.out(nginxConfig({ server: { address: model.cluster.network.server, port: STANDARD_PORTS.http }, upstream, imagesFolder: machineFolders(root).imagesFolder }));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
