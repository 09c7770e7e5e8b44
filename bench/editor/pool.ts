/** A believable pool of any size, one spec to a file: the same every time. */

/** Texts by file name. VMs are spread over labels, tied to neighbours and started after one another, as real ones are. */
export function poolTexts(hosts: number, vms: number): ReadonlyMap<string, string> {
  const texts = new Map([['pxen.yaml', CLUSTER]]);
  for (let index = 1; index <= hosts; index += 1) texts.set(`hosts/node${index}.host.yaml`, hostText(index));
  for (let index = 1; index <= vms; index += 1) texts.set(`vms/vm${index}.vm.yaml`, vmText(index));
  return texts;
}

const CLUSTER = `# The pool as a whole.
kind: Cluster
name: bench
network:
  subnet: 10.0.0.0/16          # the network the hosts boot from
  server: 10.0.0.1
placement: {survive: 1, goal: balance}
storage:
  - {name: nas, type: nfs, source: "10.0.250.5:/vms", capacity: 800TiB, bandwidth: 40GB/s}
`;

function hostText(index: number): string {
  const hex = index.toString(16).padStart(4, '0');
  return `# Rack ${index % 8}.
kind: Host
name: node${index}
macs: [52:54:00:00:${hex.slice(0, 2)}:${hex.slice(2)}]
address: 10.0.${1 + (index >> 8)}.${index & 255}
cpus: 64
memory: 512GiB
reserve: {cpus: 2, memory: 4GiB}
arrays:
  - name: r0
    uuid: 00000000:00000000:00000000:0000${hex}
    level: raid10
    members: [D${index}A, D${index}B, D${index}C, D${index}D]
    capacity: 40TiB
    bandwidth: 4GB/s
labels: {rack: r${index % 8}, tier: ${index % 2 === 0 ? 'fast' : 'bulk'}}
`;
}

function vmText(index: number): string {
  return `# Number ${index}.
kind: VM
name: vm${index}
vcpus: ${1 + (index % 8)}
memory: ${1 + (index % 16)}GiB
priority: ${index % 200}
disks:
  - {name: root, size: ${10 + (index % 40)}GiB, bandwidth: ${10 + (index % 50)}MB/s}
  - {name: data, size: 100GiB, bandwidth: 20MB/s}
nics: [{bridge: xenbr0}]
boot: {type: pv, bootloader: pygrub}
placement:
  on: [tier=${index % 2 === 0 ? 'fast' : 'bulk'}]
${index > 1 ? `  apart: [vm${index - 1}]\n` : ''}start: {after: [${index > 10 ? `vm${index - 10}` : ''}]}
`;
}
