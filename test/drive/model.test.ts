import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadDrive } from '../../src/backend/drive/load';
import { readDrive } from '../../src/backend/drive/read';

const CLUSTER = 'kind: Cluster\nname: c\nnetwork: {subnet: 10.77.0.0/24, server: 10.77.0.1}\n';

function model(files: Readonly<Record<string, string>>) {
  const read = readDrive(new Map(Object.entries({ 'pxen.yaml': CLUSTER, ...files })));
  expect(read.problems).toEqual([]);
  return read.model!;
}

describe('The model of a drive', () => {
  test('What a spec leaves out has its default', () => {
    const { cluster, hosts, vms } = model({
      'hosts/n.host.yaml': 'kind: Host\nname: n\nmacs: [52-54-00-AA-00-01]\naddress: 10.77.0.2\ncpus: 4\nmemory: 8GiB\narrays: [{name: r0, uuid: "0000000A:00000000:00000000:00000000", level: raid1, members: [a, b], capacity: 1TB, bandwidth: 1MB/s}]\n',
      'vms/v.vm.yaml': 'kind: VM\nname: v\nvcpus: 1\nmemory: 1GB\nboot: {type: pvh, bootloader: pygrub}\ndisks: [{name: root, size: 1GiB}]\n',
    });
    expect({ cluster, hosts, vms }).toMatchInlineSnapshot(`
      {
        "cluster": {
          "boot": {
            "attempts": 3,
            "image": "dom0-1",
            "timeoutMs": 600000,
            "wakeAtOnce": 4,
            "wakePauseMs": 3000,
          },
          "name": "c",
          "network": {
            "dhcp": "authoritative",
            "domain": "c.internal",
            "nameservers": [
              "10.77.0.1",
            ],
            "server": "10.77.0.1",
            "subnet": "10.77.0.0/24",
          },
          "placement": {
            "cpuOvercommit": 4,
            "goal": "balance",
            "survive": 0,
          },
          "storage": [],
        },
        "hosts": [
          {
            "address": "10.77.0.2",
            "arrays": [
              {
                "bandwidthBps": 1000000,
                "capacityBytes": 1000000000000,
                "degraded": "never",
                "level": "raid1",
                "members": [
                  "a",
                  "b",
                ],
                "mount": "/srv/r0",
                "name": "r0",
                "uuid": "0000000a:00000000:00000000:00000000",
              },
            ],
            "cpus": 4,
            "labels": {},
            "macs": [
              "52:54:00:aa:00:01",
            ],
            "memoryBytes": 8589934592,
            "name": "n",
            "reserve": {
              "cpus": 1,
              "memoryBytes": 2147483648,
            },
            "wake": {
              "method": "wol",
              "port": 9,
            },
          },
        ],
        "vms": [
          {
            "boot": {
              "bootloader": "pygrub",
              "type": "pvh",
            },
            "disks": [
              {
                "bandwidthBps": 0,
                "name": "root",
                "sizeBytes": 1073741824,
              },
            ],
            "memoryBytes": 1000000000,
            "name": "v",
            "nics": [
              {
                "bridge": "xenbr0",
              },
            ],
            "placement": {
              "apart": [],
              "migratable": true,
              "together": [],
            },
            "priority": 100,
            "start": {
              "after": [],
              "auto": true,
              "delayMs": 0,
            },
            "vcpus": 1,
          },
        ],
      }
    `);
  });

  test('How hosts are woken is as the cluster says', () => {
    const { cluster } = model({ 'pxen.yaml': `${CLUSTER}boot: {wakeAtOnce: 12, wakePause: 1.5s}\n` });
    expect(cluster.boot).toMatchObject({ wakeAtOnce: 12, wakePauseMs: 1500 });
  });

  test('Labels become host names, apart and together hold both ways, lists are sorted', () => {
    const host = (name: string, index: number, labels: string) => `kind: Host\nname: ${name}\nmacs: [52:54:00:00:00:0${index}]\naddress: 10.77.0.1${index}\ncpus: 2\nmemory: 4GiB\nlabels: ${labels}\n`;
    const vm = (name: string, rest: string) => `---\nkind: VM\nname: ${name}\nvcpus: 1\nmemory: 1GiB\nboot: {type: hvm}\n${rest}`;
    const { hosts, vms } = model({
      'hosts/all.host.yaml': [host('n3', 3, '{rack: b}'), host('n1', 1, '{rack: a, tier: fast}'), host('n2', 2, '{rack: a}')].join('---\n'),
      'vms/all.vm.yaml': vm('z', 'placement: {on: [tier=fast, n3], apart: [y, x]}\n') + vm('y', 'start: {after: [z, x]}\nplacement: {on: [rack=a]}\n') + vm('x', 'placement: {together: [y]}\n'),
    });
    expect(hosts.map(({ name }) => name)).toEqual(['n1', 'n2', 'n3']);
    expect(vms.map(({ name, placement, start }) => ({ name, ...placement, after: start.after }))).toEqual([
      { name: 'x', apart: ['z'], together: ['y'], migratable: true, after: [] },
      { name: 'y', on: ['n1', 'n2'], apart: ['z'], together: ['x'], migratable: true, after: ['x', 'z'] },
      { name: 'z', on: ['n1', 'n3'], apart: ['x', 'y'], together: [], migratable: true, after: [] },
    ]);
  });

  test('Each spec is kept as it is written, comments and all', () => {
    const files = new Map([
      ['pxen.yaml', `# the pool\n${CLUSTER}`],
      ['vms/two.vm.yaml', '# first\nkind: VM\nname: a\nvcpus: 1\nmemory: 1GiB\nboot: {type: hvm}\n---\n# second\nkind: VM\nname: b # b\nvcpus: 1\nmemory: 1GiB\nboot: {type: hvm}\n...\n'],
    ]);
    expect(Object.fromEntries(readDrive(files).specTexts)).toEqual({
      cluster: `# the pool\n${CLUSTER}`,
      'vm/a': '# first\nkind: VM\nname: a\nvcpus: 1\nmemory: 1GiB\nboot: {type: hvm}\n',
      'vm/b': '# second\nkind: VM\nname: b # b\nvcpus: 1\nmemory: 1GiB\nboot: {type: hvm}\n',
    });
  });
});

describe('examples/homelab', () => {
  const root = path.join(import.meta.dirname, '../../examples/homelab');

  test('Four hosts with arrays, twelve VMs, no problem', async () => {
    const { model: pool, problems } = await loadDrive(root);
    expect(problems).toEqual([]);
    expect(pool?.hosts.map(({ name, arrays }) => `${name}: ${arrays.map((array) => array.name).join(' ')}`)).toEqual(['node1: r0', 'node2: r0', 'node3: bulk fast', 'node4: r0']);
    expect(pool?.vms.map(({ name }) => name)).toEqual(['app1', 'app2', 'backup1', 'build1', 'cache1', 'db1', 'db2', 'dns1', 'dns2', 'monitor1', 'web1', 'web2']);
  });

  test('Any three of the hosts have memory and CPUs for all VMs', async () => {
    const { model: pool } = await loadDrive(root);
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    for (const lost of pool?.hosts ?? []) {
      const others = (pool?.hosts ?? []).filter((host) => host !== lost);
      expect(sum(others.map((host) => host.memoryBytes - host.reserve.memoryBytes))).toBeGreaterThan(1.5 * sum((pool?.vms ?? []).map((vm) => vm.memoryBytes)));
      expect(sum(others.map((host) => host.cpus - host.reserve.cpus)) * (pool?.cluster.placement.cpuOvercommit ?? 0)).toBeGreaterThan(1.5 * sum((pool?.vms ?? []).map((vm) => vm.vcpus)));
    }
  });
});
