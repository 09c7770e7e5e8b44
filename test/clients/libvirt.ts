/** libvirt's default network beside the pool's, as many an administrator's machine has it: a bridge with a DHCP server of its own. */

import type { Client, Network } from './network';
import { must } from './processes';

/** Resolves with a guest on that network, which has the address 192.168.122.50. */
export async function withLibvirtNetwork(network: Network): Promise<Client> {
  const guest = await network.client(5, '52:54:00:bb:bb:bb');
  const inServer = async (...args: readonly string[]) => {
    const { code, output } = await network.run('server', 'ip', ...args);
    if (code !== 0) throw new Error(output);
  };
  await inServer('link', 'add', 'virbr0', 'type', 'bridge', 'forward_delay', '0');
  await inServer('address', 'add', '192.168.122.1/24', 'dev', 'virbr0');
  await inServer('link', 'set', 'virbr0', 'up');
  await inServer('link', 'set', 'c5', 'master', 'virbr0');
  await must('ip', ['-n', guest.namespace, 'address', 'add', '192.168.122.50/24', 'dev', 'eth0']);
  await must('ip', ['-n', guest.namespace, 'route', 'add', 'default', 'via', '192.168.122.1']);
  // The words that libvirt gives it.
  const running = network.start('server', 'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--strict-order', '--except-interface=lo', '--bind-dynamic', '--interface=virbr0', '--dhcp-range=192.168.122.2,192.168.122.254,255.255.255.0', '--dhcp-no-override', '--dhcp-authoritative', '--dhcp-lease-max=253', '--dhcp-leasefile=/dev/null');
  await running.line(/DHCP, sockets bound exclusively to interface virbr0/);
  return guest;
}
