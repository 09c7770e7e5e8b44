/** What a new drive holds: a small pool that validates, commented so that its owner can make it their own. */

import { placeholderMac, placeholderSerial, placeholderUuid } from './placeholders';
import { scalarText } from './scalars';
import { hostText, vmText } from './specTexts';

/** The files of a new drive, by name relative to it. `cluster` is the pool's name. */
export function newDriveFiles(cluster: string): ReadonlyMap<string, string> {
  return new Map([
    ['pxen.yaml', clusterText(cluster)],
    ['hosts/node1.host.yaml', hostText(FIRST_HOST)],
    ['vms/web1.vm.yaml', vmText(FIRST_VM)],
    ['.gitignore', GITIGNORE_TEXT],
    ['README.md', readmeText(cluster)],
  ]);
}

/** A pool's name from a folder's: as near to it as a DNS label can be. */
export function clusterNameFor(folderName: string): string {
  const label = folderName
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return label === '' ? 'pool' : label;
}

function clusterText(cluster: string): string {
  return `# The pool as a whole. One such document to a drive.
kind: Cluster
name: ${scalarText(cluster)}

network:
  subnet: 10.77.0.0/24          # the network your hosts boot from
  server: 10.77.0.1             # this machine's address in it
  # interface: enp3s0           # when absent: the one that holds \`server\`
  # gateway: 10.77.0.254        # the router, if hosts and VMs are to reach other networks
  # nameservers: [10.77.0.1]    # when absent: the boot server, which knows the hosts' names
  # forwarders: [10.77.0.254]   # asked for all other names; when absent those are refused
  dhcp: authoritative           # authoritative | proxy (another DHCP server gives addresses) | off
  # range: {from: 10.77.0.100, to: 10.77.0.199}   # lent to machines that aren't on the drive

boot:
  image: dom0-1                 # made by: pxen image build
  timeout: 10m                  # for one attempt of one host
  attempts: 3
  wakeAtOnce: 4                 # hosts switched on in one wave: together they must not trip the breaker
  wakePause: 3s                 # from one wave to the next

placement:
  cpuOvercommit: 4              # vCPUs per physical CPU; memory is never overcommitted
  survive: 0                    # 1: VMs must still fit when any one host has failed
  goal: balance                 # balance: the busiest host as idle as possible | consolidate: the fewest hosts

# Storage that several hosts reach over the network. A disk lies on it only if its spec says so (storage: nas).
# storage:
#   - {name: nas, type: nfs, source: "10.77.0.5:/export/vms", capacity: 8TiB, bandwidth: 400MB/s}
`;
}

const FIRST_HOST = {
  name: 'node1',
  macs: [placeholderMac(1)],
  address: '10.77.0.11',
  cpus: '8',
  memory: '32GiB',
  array: { uuid: placeholderUuid(1), members: [placeholderSerial(1), placeholderSerial(2)] },
  labels: { rack: 'a' },
} as const;

const FIRST_VM = { name: 'web1', vcpus: '2', memory: '2GiB', disk: { size: '20GiB', source: 'disks/debian-13.raw' }, boot: 'pygrub' } as const;

const GITIGNORE_TEXT = `# Private keys stay on the drive.
/keys/*
!/keys/*.pub
!/keys/authorized_keys

# Boot images are large and can be built anew: pxen image build
/images/

# Of this machine and this moment only. The rest of state/ is worth keeping: it says which disks exist and where.
/state/lab/
/state/backend*.json

.pxen-tmp-*
`;

function readmeText(cluster: string): string {
  return `# ${cluster}

A PXEN drive: it describes and boots a pool of Xen hosts.

| | |
| --- | --- |
| \`pxen.yaml\` | the network, what hosts boot, how VMs are placed |
| \`hosts/*.host.yaml\` | the machines and their RAID arrays |
| \`vms/*.vm.yaml\` | the virtual machines |
| \`disks/\` | golden images that VM disks start from, kernels of guests |
| \`images/\` | boot images, made by \`pxen image build\` |
| \`state/\` | written by PXEN: keep it, it says which VM disks exist |
| \`keys/\` | the pool's ssh key: keep the private part private |

1. Put your machines into \`hosts/\` and your VMs into \`vms/\`.
2. \`pxen validate\` tells what is still wrong, \`pxen plan\` what would run where.
3. \`pxen lab\` boots the pool without hardware.
4. \`pxen image build\`, then \`pxen boot\` for the machines themselves.
`;
}
