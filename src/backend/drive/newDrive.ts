/** What a new drive holds: a small pool that validates, commented so that its owner can make it their own. */

/** The files of a new drive, by name relative to it. `cluster` is the pool's name. */
export function newDriveFiles(cluster: string): ReadonlyMap<string, string> {
  return new Map([
    ['pxen.yaml', clusterText(cluster)],
    ['hosts/node1.host.yaml', HOST_TEXT],
    ['vms/web1.vm.yaml', VM_TEXT],
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
name: ${cluster}

network:
  subnet: 10.77.0.0/24          # the network your hosts boot from
  server: 10.77.0.1             # this machine's address in it
  # interface: enp3s0           # when absent: the one that holds \`server\`
  # gateway: 10.77.0.254        # the router, if hosts and VMs are to reach other networks
  dhcp: authoritative           # authoritative | proxy (another DHCP server gives addresses) | off

boot:
  image: dom0-1                 # made by: pxen image build
  timeout: 10m                  # for one attempt of one host
  attempts: 3

placement:
  survive: 0                    # 1: VMs must still fit when any one host has failed
  goal: balance                 # balance | consolidate
`;
}

const HOST_TEXT = `# A machine that boots Xen over the network. Several may share a file, with --- between them.
kind: Host
name: node1
macs: [52:54:00:aa:00:01]       # \`ip link\` on the machine, or its firmware's boot menu; the first one boots
address: 10.77.0.11
cpus: 8                         # as Xen counts them: threads
memory: 32GiB
reserve: {cpus: 1, memory: 2GiB}   # kept for dom0

# RAID arrays that exist already: PXEN assembles and mounts them, it never creates or formats one.
# On the machine: \`mdadm --detail /dev/md0\` tells uuid and level, \`lsblk -o NAME,SERIAL\` the members.
arrays:
  - name: r0
    uuid: 00000000:00000000:00000000:00000001
    level: raid1
    members: [SERIAL-OF-DISK-1, SERIAL-OF-DISK-2]
    mount: /srv/r0
    capacity: 900GiB            # room for VM disks
    bandwidth: 450MB/s          # bytes, not bits
    degraded: never             # allow: start it with a member missing

wake: {method: wol}             # switched on by a magic packet
labels: {rack: a}               # VMs can ask for \`on: [rack=a]\`
`;

const VM_TEXT = `# A virtual machine. Its UUID and MAC addresses follow from the drive and its name: don't rename it lightly.
kind: VM
name: web1
vcpus: 2
memory: 2GiB
priority: 100                   # higher is placed first when not all fit

disks:
  - name: root
    size: 20GiB
    bandwidth: 50MB/s           # promised to it on its array
    source: disks/debian-13.raw # copied once, when the disk is made

nics: [{bridge: xenbr0}]

# pygrub reads the kernel from the disk itself. Or give them here: {type: pv, kernel: disks/vmlinuz, ramdisk: disks/initrd}
boot: {type: pv, bootloader: pygrub}

# placement:
#   on: [rack=a]                # only on these hosts, by name or label
#   apart: [web2]               # never on one host with these
#   together: [cache1]          # always on one host with these

start: {auto: true}             # after: [dns1] starts it once dns1 runs
`;

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
