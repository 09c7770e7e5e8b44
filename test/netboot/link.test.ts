import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { watchLink } from '../../src/backend/netboot/linkWatch';
import { machineInterfaces } from '../../src/backend/netboot/machineInterfaces';
import { temporaryFolder } from './bootServerFixture';

/** As Linux writes them for a bridge with 10.77.0.1/24 and 10.77.3.1/24, whose ports are all down, beside lo. */
const FIB_TRIE = `Main:
  +-- 0.0.0.0/1 2 0 2
     +-- 10.77.0.0/24 2 0 2
        |-- 10.77.0.0
           /24 link UNICAST
        |-- 10.77.0.1
           /32 host LOCAL
        |-- 10.77.0.255
           /32 link BROADCAST
        |-- 10.77.3.1
           /32 host LOCAL
        |-- 192.168.9.9
           /32 host LOCAL
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
`;
const ROUTE = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth9	00000000	FE004D0A	0003	0	0	0	00000000	0	0	0
eth8	00004D0A	00000000	0001	0	0	0	0000FFFF	0	0	0
ppp0	00000000	00000000	0001	0	0	0	00000000	0	0	0
br0	00004D0A	00000000	0001	0	0	0	00FFFFFF	0	0	0
br0	00034D0A	00000000	0001	0	0	0	00FFFFFF	0	0	0
`;
const LO = { lo: [{ address: '127.0.0.1', netmask: '255.0.0.0', family: 'IPv4', mac: '00:00:00:00:00:00', internal: true, cidr: '127.0.0.1/8' }] } as const;

it('an interface whose link is down is there, with its addresses', async () => {
  const procNet = await temporaryFolder();
  await mkdir(procNet, { recursive: true });
  await writeFile(path.join(procNet, 'fib_trie'), FIB_TRIE + FIB_TRIE.replace('Main', 'Local'));
  await writeFile(path.join(procNet, 'route'), ROUTE);
  const bridge = ['10.77.0.1', '10.77.3.1'].map((address) => ({ address, netmask: '255.255.255.0', family: 'IPv4', mac: '00:00:00:00:00:00', internal: false, cidr: `${address}/24` }));
  expect(machineInterfaces(LO, procNet)).toEqual({ ...LO, br0: bridge });
  // What runs is as the system gives it, and where the tables aren't there it is all.
  const running = { ...LO, br0: [{ ...bridge[0]!, mac: '52:54:00:00:00:01', family: 'IPv4' as const }, { ...bridge[1]!, mac: '52:54:00:00:00:01', family: 'IPv4' as const }] };
  expect(machineInterfaces(running, procNet)).toEqual(running);
  expect(machineInterfaces(LO, '/nowhere')).toEqual(LO);
});

it('a link that is down is told of, and when it is up', async () => {
  const due: (() => void)[] = [];
  const clock = {
    now: () => 0,
    after: (_delayMs: number, look: () => void) => {
      due.push(look);
      return () => void due.splice(due.indexOf(look), 1);
    },
  };
  const told: string[] = [];
  const states = [false, false, true, true, false, true];
  const watch = watchLink({ name: 'br0', clock, log: (level, sentence) => told.push(`${level} ${sentence}`), isUp: () => Promise.resolve(states.shift() ?? true) });
  while (states.length > 0) {
    await new Promise((resolve) => setImmediate(resolve));
    due.shift()?.();
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(told.map((line) => /^(warn|info) The link of br0 is (down|up)/.exec(line)?.[0])).toEqual(['warn The link of br0 is down', 'info The link of br0 is up', 'warn The link of br0 is down', 'info The link of br0 is up']);
  await watch.close();
  expect(due).toEqual([]);
});
