/** What an edited drive means for the boot server that is at work on it. Pure. */

import type { HostModel, NetworkModel, PoolModel } from '../drive/model';

export interface Answered {
  /** What machines are answered by. */
  readonly model: PoolModel;
  /** What follows the drive at once. */
  readonly sentence: string;
  /** What of the drive isn't as written yet; whole sentences. */
  readonly notes: readonly string[];
}

/** With no pool to mind, everything is as the drive says. `first` is what the boot server was started with. */
export function answeredBySpecs(first: PoolModel, drive: PoolModel): Answered {
  return { model: drive, sentence: `The drive changed: ${drive.hosts.length} hosts are answered by its new state.`, notes: socketNotes(first.cluster.network, drive.cluster.network) };
}

/**
 * A running pool goes on with the hosts it was booted with: plans, ssh and the VMs' starts rest on them. So of those only the
 * MACs follow the drive (a card was exchanged, a digit was wrong), and each keeps its address, which it runs with, until the
 * pool is booted anew. Hosts that are new on the drive are answered, and join then.
 */
export function answeredBesidePool(running: PoolModel, drive: PoolModel): Answered {
  const [was, is] = [running.cluster.network, drive.cluster.network];
  if (was.subnet !== is.subnet || was.server !== is.server) {
    // Addresses of one network with the mask of another would cut the hosts off.
    return { model: running, sentence: `The drive changed, and names another network: ${is.subnet}, with the boot server at ${is.server}.`, notes: [`All machines are answered as before ${UNTIL}.`] };
  }
  const { hosts, notes } = hostsBesidePool(running, drive);
  return {
    model: { ...drive, hosts },
    sentence: 'The drive changed: machines are answered by its new state; the pool itself follows it when it is booted anew.',
    notes: [...socketNotes(was, is), ...notes],
  };
}

const UNTIL = 'until the pool is booted anew';

function hostsBesidePool(running: PoolModel, drive: PoolModel): { readonly hosts: readonly HostModel[]; readonly notes: readonly string[] } {
  const notes: string[] = [];
  const onDrive = new Map(drive.hosts.map((host) => [host.name, host]));
  const macsOnDrive = new Set(drive.hosts.flatMap(({ macs }) => macs));
  const kept = running.hosts.flatMap((host): readonly HostModel[] => {
    const edited = onDrive.get(host.name);
    if (edited !== undefined) {
      if (edited.address !== host.address) notes.push(`${host.name} keeps its address ${host.address} ${UNTIL}; then it gets ${edited.address}.`);
      return [{ ...host, macs: edited.macs }];
    }
    notes.push(`${host.name} isn't on the drive any more; the pool keeps it ${UNTIL}.`);
    const [first, ...more] = host.macs.filter((mac) => !macsOnDrive.has(mac));
    return first === undefined ? [] : [{ ...host, macs: [first, ...more] }];
  });
  const isOfPool = new Set(running.hosts.map(({ name }) => name));
  const holderOf = new Map(running.hosts.map(({ address, name }) => [address, name]));
  const added = drive.hosts.filter(({ name, address }) => {
    if (isOfPool.has(name)) return false;
    const holder = holderOf.get(address);
    if (holder === undefined) notes.push(`${name} is new on the drive: it is answered when it asks, and joins when the pool is booted anew.`);
    else notes.push(`${name} is new on the drive and isn't answered: ${holder} has its address ${address} ${UNTIL}.`);
    return holder === undefined;
  });
  return { hosts: [...kept, ...added].sort((a, b) => (a.name < b.name ? -1 : 1)), notes };
}

/** Sockets are opened once. */
function socketNotes(was: NetworkModel, is: NetworkModel): readonly string[] {
  return [
    ...(was.server === is.server ? [] : [`network.server is ${is.server} now: the boot server stays at ${was.server} until it is started anew.`]),
    ...(was.interface === is.interface ? [] : ['network.interface changed: the boot server stays on the interface that it was started on until it is started anew.']),
    ...(was.dhcp === 'off' && is.dhcp !== 'off' ? [`network.dhcp is ${is.dhcp} now, and was off when the boot server was started: no DHCP is answered until it is started anew.`] : []),
  ];
}
