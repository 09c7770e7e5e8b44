/** DHCP as the boot server has it: the decisions over the model, the range, other servers, and what is told of it all. */

import { answerDhcp } from '../answers/dhcp';
import type { DhcpAnswer } from '../answers/exchange';
import { createAllowance } from '../allowance';
import type { NetbootMetrics } from '../metrics';
import { type FindNeighbour, neighbourFinder } from '../neighbours';
import type { PortHelper } from '../portHelper/ask';
import { createRepeatFilter } from '../repeats';
import type { BootServerOptions, NetbootEvent } from '../server';
import { openUnknownMachines } from '../unknownMachines';
import { Beside } from './beside';
import { openLeaseBook } from './leaseBook';
import { createLending } from './lending';
import { PROBE_MAC } from './otherServers';
import { type DhcpServer, startDhcpServer } from './server';

export interface DhcpOptions extends Omit<BootServerOptions, 'tokens' | 'authorizedKeys' | 'imagesFolder'> {
  /** Opens what machines are sent to; called once, while other DHCP servers are waited for. */
  readonly services: () => Promise<{ readonly http: { readonly port: number }; readonly metrics: Pick<NetbootMetrics, 'dhcp'> }>;
  readonly portHelper?: PortHelper | undefined;
  readonly onTrouble: (sentence: string) => void;
  /** Whether a sentence wasn't told a moment ago. */
  readonly firstTime: (sentence: string) => boolean;
}

/** A machine that asks in a circle is told of once a second; a host that boots anew takes longer than that. */
const SAME_REPLY_MS = 1000;
/** How long a machine that has a host's address is waited for to say so. */
const DISPUTE_LIMIT_MS = 1000;

export async function startDhcp(options: DhcpOptions): Promise<DhcpServer> {
  const { endpoints, model, clock, log, onTrouble, stateFolder } = options;
  const { bindAddress } = endpoints;
  let services: Awaited<ReturnType<DhcpOptions['services']>> | undefined;
  const opened = () => {
    if (services === undefined) throw new Error('a machine was answered before the services were open');
    return services;
  };
  const findNeighbour = neighbourFinder(bindAddress, clock);
  const [unknown, book] = await Promise.all([openUnknownMachines(stateFolder, clock, onTrouble), openLeaseBook(stateFolder, clock, onTrouble)]);
  const tell = teller(options, findNeighbour);
  const server = await startDhcpServer({
    bindAddress,
    interface: endpoints.interface,
    portHelper: options.portHelper,
    ports: { dhcp: endpoints.ports.dhcp, pxe: endpoints.ports.proxyDhcp },
    replies: endpoints.dhcpReplies,
    answer: (request, port) => answerDhcp(model(), request, { address: bindAddress, httpPort: opened().http.port, image: options.image(), port, lending: { leases: book, nowMs: clock.now() } }),
    openOthers: async () => void (services = await options.services()),
    waitForOthersMs: options.waitForOtherDhcpMs,
    settle: createLending({ book, findNeighbour, clock, onTrouble }),
    beside: new Beside({ mode: () => model().cluster.network.dhcp, despite: options.despiteOtherDhcp ?? false, findNeighbour, placeOfDhcp: options.placeOfDhcp ?? (() => Promise.resolve('pxen.yaml, under "network:",')), log }),
    onAnswer: (answer) => {
      opened().metrics.dhcp.inc({ answer: answer.kind });
      // Another boot server that looks for DHCP servers is no machine.
      if (answer.client && !answer.host && answer.client.mac !== PROBE_MAC) unknown.heard(answer.client);
      tell(answer);
    },
    onTrouble,
    clock,
    random: options.random,
  });
  return {
    ports: server.ports,
    close: async () => {
      await server.close();
      await unknown.close();
      await book.saved();
    },
  };
}

/** Machines that aren't on the drive, told of in a burst and then each second: any number of them can be made up. */
const STRANGERS_TOLD = { burst: 64, perSecond: 1 };

function teller({ onEvent, log, clock, firstTime }: DhcpOptions, findNeighbour: FindNeighbour): (answer: DhcpAnswer) => void {
  const isNews = createRepeatFilter(clock, SAME_REPLY_MS);
  const mayTellOfStranger = createAllowance(clock, STRANGERS_TOLD.burst, STRANGERS_TOLD.perSecond);
  const isTold = ({ host }: DhcpAnswer): boolean => {
    if (host !== undefined || mayTellOfStranger()) return true;
    const many = "Very many machines that aren't on the drive ask by DHCP: not each of them is told of";
    if (firstTime(many)) log('warn', many);
    return false;
  };
  const refused = ({ client, host }: DhcpAnswer, sentence: string): NetbootEvent => ({ kind: 'refused', ...(client && { mac: client.mac }), ...(host && { host: host.name }), sentence });
  return (answer) => {
    const { sentence, client, host } = answer;
    if (answer.kind === 'reply') {
      if (isNews(sentence) && isTold(answer)) onEvent({ kind: 'dhcp', mac: answer.client.mac, ...(host && { host: host.name }), client: answer.client.kind, sentence });
    } else if (!firstTime(sentence)) {
      return;
    } else if (answer.interest === 'quiet') {
      log('debug', sentence);
    } else if (!isTold(answer)) {
      return;
    } else if (answer.disputed !== undefined) {
      void findNeighbour(answer.disputed, DISPUTE_LIMIT_MS).then((holder) => {
        const who = holder === undefined || holder.mac === client?.mac ? "its MAC can't be seen from here" : `its MAC is ${holder.mac}`;
        onEvent(refused(answer, `${sentence} (${who})`));
      });
    } else {
      onEvent(refused(answer, sentence));
    }
  };
}
