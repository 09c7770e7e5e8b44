/** What the hosts' listings of their domains say of the VMs. */

import type { Domain } from '../../hosts/control';
import type { Draft } from './draft';
import type { PoolInput } from './events';
import { dropHost } from './hosts';
import { assign } from './lock';
import type { HostKnowledge } from './safety';
import type { HostNode } from './state';

/** Asks every reachable host for its domains, unless that is under way. */
export function askHosts(draft: Draft, purpose: 'start' | 'watch'): void {
  if (draft.survey.askedAt !== undefined) return;
  const hosts = [...draft.hosts].filter(([, { link }]) => link === 'up').map(([name]) => name);
  if (hosts.length === 0) return;
  const round = draft.survey.round + 1;
  const sessions = Object.fromEntries(hosts.map((name) => [name, draft.host(name).session]));
  draft.survey = { round, askedAt: draft.now, sessions, watching: purpose === 'watch' };
  draft.emit({ kind: 'survey', round, hosts });
}

/** Takes the answers of a round; a host that gave none is looked for again. Of a session that broke meanwhile nothing is taken, be it an answer or a failure. */
export function hostsAnswered(draft: Draft, input: Extract<PoolInput, { readonly kind: 'surveyed' }>): void {
  const { askedAt, round, sessions } = draft.survey;
  if (input.round !== round || askedAt === undefined) return;
  draft.survey = { round, askedAt: undefined, sessions: {}, watching: false };
  for (const [name, answer] of Object.entries(input.answers)) {
    const { link, session } = draft.host(name);
    if (link !== 'up' || session !== sessions[name]) continue;
    if ('failed' in answer) dropHost(draft, name, `${name} didn't list its domains: ${answer.failed}`);
    else draft.updateHost(name, { domains: { askedAt, domains: answer.domains } });
  }
}

/** Sets every VM to what the hosts' listings say. */
export function readDomains(draft: Draft): void {
  for (const [name, vm] of draft.vms) {
    if (vm.state === 'starting') continue;
    const sightings = sightingsOf(draft, vm.uuid);
    const [first, second] = sightings;
    if (first === undefined) {
      noticeEnd(draft, name);
    } else if (second !== undefined) {
      const hosts = sightings.map(({ host }) => host).join(' and ');
      draft.updateVm(name, { state: 'failed', host: first.host, runsSince: vm.runsSince ?? draft.now, final: true, reason: `it runs on ${hosts} at once`, remedy: `End one of them now (\`xl destroy ${name}\`) and check its disks: two guests have written to what one expects to own.` });
    } else {
      seeDomain(draft, name, first);
    }
  }
}

/** The host's session is gone: what ran there is unknown until it answers again. */
export function releaseVms(draft: Draft, host: string): void {
  for (const [name, vm] of draft.vms) {
    if (vm.host === host && vm.runsSince !== undefined) draft.updateVm(name, { state: 'waiting', runsSince: undefined, final: false });
  }
}

/** A host that is ready anew gets another try at what failed on it, and after a restart at what had ended there. */
export function retryVms(draft: Draft, host: string, restarted: boolean): void {
  for (const [name, vm] of draft.vms) {
    if (vm.host === host && vm.final && (vm.state === 'failed' || restarted)) draft.updateVm(name, { state: 'waiting', final: false });
  }
}

/** What is known of the domains a host runs. */
export function knowledgeOf(host: HostNode): HostKnowledge {
  if (host.link === 'up') return host.domains === undefined ? { kind: 'unasked' } : { kind: 'asked', ...host.domains };
  return { kind: host.quiet ? 'quiet' : 'silent' };
}

interface Sighting {
  readonly host: string;
  readonly domain: Domain;
}

function sightingsOf(draft: Draft, uuid: string): readonly Sighting[] {
  return [...draft.hosts].flatMap(([host, { domains }]) => (domains?.domains ?? []).filter((domain) => domain.uuid === uuid).map((domain) => ({ host, domain })));
}

function seeDomain(draft: Draft, name: string, { host, domain }: Sighting): void {
  const vm = draft.vm(name);
  switch (domain.state) {
    case 'running':
    case 'paused': {
      const known = vm.runsSince !== undefined && vm.host === host;
      // Recorded, so that it isn't started elsewhere while this host can't be asked.
      assign(draft, name, host);
      draft.updateVm(name, {
        state: 'running',
        host,
        final: false,
        runsSince: known ? vm.runsSince : draft.now,
        adopted: known ? vm.adopted : true,
        reason: domain.state === 'paused' ? 'it is paused' : known ? vm.reason : undefined,
        remedy: domain.state === 'paused' ? `\`xl unpause ${name}\` on ${host} lets it go on.` : undefined,
      });
      return;
    }
    case 'crashed':
      draft.updateVm(name, { state: 'failed', host, final: true, runsSince: undefined, reason: `it has crashed on ${host}; its domain is still there`, remedy: `Look at it (\`xl console ${name}\`), then \`xl destroy ${name}\` and boot again.` });
      return;
    case 'shutdown':
    case 'dying':
      if (vm.runsSince !== undefined) draft.updateVm(name, { state: 'stopping', host, reason: 'it is shutting down' });
  }
}

/** A guest that ran on a host that no longer lists it has ended by itself, and is left so. */
function noticeEnd(draft: Draft, name: string): void {
  const vm = draft.vm(name);
  if (vm.runsSince === undefined || vm.host === undefined) return;
  const { domains } = draft.host(vm.host);
  // Asked in the very millisecond it was started, the host may have answered before.
  if (domains === undefined || domains.askedAt <= vm.runsSince) return;
  draft.updateVm(name, { state: 'stopped', final: true, runsSince: undefined, reason: `it ended by itself on ${vm.host}`, remedy: undefined });
}
