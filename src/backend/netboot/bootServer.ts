/** Starts the boot server: DHCP, and the services that it sends machines to, over one model. */

import { startDhcp } from './dhcp';
import type { DhcpServer } from './dhcp/server';
import { createPortHelper, type PortHelper } from './portHelper/ask';
import { createRepeatFilter } from './repeats';
import type { BootServer, BootServerOptions } from './server';
import type { Services } from './services';

/**
 * Resolves when everything listens. DHCP answers last, so that no machine is told of a service that isn't there yet.
 * Rejects with a `ListenError` in words, having closed what was open already. With `dhcp: off` no DHCP port is opened
 * until the next start, and `ports.dhcp` and `ports.proxyDhcp` are 0; every other edit of the drive is obeyed at once.
 */
export async function startBootServer(options: BootServerOptions): Promise<BootServer> {
  const { portHelper: command } = options.endpoints;
  if (command === undefined) return startAll(options);
  const portHelper = createPortHelper(command);
  try {
    return await startAll({ ...options, portHelper });
  } finally {
    // All that needed root is open.
    portHelper.close();
  }
}

async function startAll(options: BootServerOptions & { readonly portHelper?: PortHelper }): Promise<BootServer> {
  const firstTime = createRepeatFilter(options.clock);
  const onTrouble = (sentence: string) => {
    if (firstTime(sentence)) options.log('warn', sentence);
  };
  let dhcp: DhcpServer | undefined;
  let opening: Promise<Services> | undefined;
  const openServices = () => (opening ??= import('./services').then((services) => services.openServices({ ...options, firstTime, onTrouble })));
  const close = async () => {
    const sender = dhcp;
    dhcp = undefined;
    // It sends nobody to a service that has gone.
    await sender?.close();
    const [services] = await Promise.allSettled([opening]);
    if (services.status === 'fulfilled') await services.value?.close();
  };
  try {
    if (options.model().cluster.network.dhcp !== 'off') {
      const services = async () => {
        const [open] = await Promise.all([openServices(), options.mayServe]);
        return open;
      };
      dhcp = await startDhcp({ ...options, services, onTrouble, firstTime });
    }
    const { http, tftp, dns, loaded } = await openServices();
    await Promise.all([options.mayServe, loaded]);
    return { ports: { dhcp: dhcp?.ports.dhcp ?? 0, proxyDhcp: dhcp?.ports.pxe ?? 0, tftp: tftp.port, http: http.boundPort, dns: dns.port }, close };
  } catch (error) {
    await close();
    throw error;
  }
}
