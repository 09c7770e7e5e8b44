import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import { claimPool, type Claim } from '../../src/backend/pool/claim';
import { serveConnection } from '../../src/backend/pool/rpc';
import { openDriveState } from '../../src/backend/drive/stateStore';
import { systemClock, systemRandom } from '../../src/backend/system';
import { NO_QUESTION, runPlan, type PlanOptions } from '../../src/backend/verbs/plan';
import { inventoryOf } from '../../src/backend/verbs/poolNow';
import type { HostStatus, PoolSnapshot, VmState } from '../../src/protocol';
import { copyExample } from '../support/examples';

const host = (name: string, more: Partial<HostStatus> = {}): HostStatus => ({ name, address: '10.77.0.11', state: 'ready', percent: 100, since: '', attempt: 1, arrays: [], ...more });
const snapshot = (hosts: readonly HostStatus[], vms: Readonly<Record<string, readonly [VmState, string?]>>): PoolSnapshot => ({
  cluster: 'homelab',
  phase: 'up',
  at: '',
  hosts,
  vms: Object.entries(vms).map(([name, [state, on]]) => ({ name, state, ...(on === undefined ? {} : { host: on }) })),
});

describe('what a backend says of the pool', () => {
  it('is what runs, hosts that failed, and arrays that are degraded or not mounted', () => {
    const arrays = [
      { name: 'r0', state: 'degraded' as const, mounted: true },
      { name: 'r1', state: 'refused' as const, mounted: false, detail: 'it has another UUID' },
    ];
    const said = snapshot(
      [host('node1', { arrays }), host('node2', { state: 'failed', cause: "it didn't answer" }), host('node3', { state: 'kernel' })],
      { db1: ['running', 'node1'], web1: ['starting', 'node1'], web2: ['stopping', 'node1'], dns1: ['preparing', 'node1'], cache1: ['unplaced'] },
    );
    expect(inventoryOf(said)).toEqual({
      hosts: {
        node1: { available: true, arrays: { r0: { usable: true, degraded: true }, r1: { usable: false, degraded: false, cause: 'it has another UUID' } } },
        node2: { available: false, cause: "it didn't answer", arrays: {} },
      },
      disks: {},
      running: { db1: 'node1', web1: 'node1', web2: 'node1' },
    });
  });
});

describe('pxen plan beside a lab that runs', () => {
  let drive: string;
  let claim: Claim;
  let now: PoolSnapshot;
  beforeEach(async () => {
    drive = await mkdtemp(path.join(tmpdir(), 'pxen-running-'));
    await copyExample('homelab', drive);
    claim = await claimPool({
      stateFolder: path.join(drive, 'state', 'lab'),
      target: 'simulated',
      clock: systemClock,
      onConnection: (socket) => {
        const answer = () => Promise.reject(new Error('not expected'));
        serveConnection(
          new StreamMessageReader(socket),
          new StreamMessageWriter(socket),
          { 'pool/boot': answer, 'pool/wake': answer, 'backend/stop': answer, 'pool/down': answer, 'pool/status': () => Promise.resolve(now) },
          () => undefined,
        );
      },
    });
    const place = { host: 'node3', array: 'fast' };
    const lock = { assignments: { db1: 'node3' }, disks: { 'db1/root': { place, generation: 1, sizeBytes: 20 * 2 ** 30 }, 'db1/data': { place, generation: 1, sizeBytes: 120 * 2 ** 30 } } };
    await openDriveState(path.join(drive, 'state', 'lab'), systemClock, systemRandom).writePlacement(lock);
  });
  afterEach(async () => {
    await claim.release();
    await rm(drive, { recursive: true });
  });

  it("starts from what runs there, and from the lab's own record of disks", async () => {
    now = snapshot([host('node3', { arrays: [{ name: 'fast', state: 'clean', mounted: true }, { name: 'bulk', state: 'clean', mounted: true }] })], { db1: ['running', 'node3'] });
    const { out } = await run({ drive, show: { kind: 'diff' } });
    expect(out).toContain('  1 VM stays as it is\n');
    expect(out).not.toContain('db1');
    expect((await run({ drive, show: { kind: 'why', vm: 'db1' } })).out).toContain("  node1: it runs on node3 and would have to be stopped: PV guests don't migrate live on this Xen\n");
  });

  it('tells of a host that runs more than it has, and of VMs that run without a spec', async () => {
    now = snapshot([], { web1: ['running', 'node2'], web2: ['running', 'node2'], stray: ['running', 'node1'] });
    const file = path.join(drive, 'vms', 'web.vm.yaml');
    await writeFile(file, (await readFile(file, 'utf8')).replace('memory: 2GiB', 'memory: 40GiB'));
    const { out, err } = await run({ drive });
    expect(out).toMatch(/^node2 can't give what the specs of its VMs ask for: [\d.]+ GiB of memory too little\. What runs stays\.$/m);
    expect(err).toBe("stray runs on node1 and has no spec on this drive: the room it takes isn't counted.\n");
  });

  it('leaves out a VM whose disk lies on a host that failed, and says so', async () => {
    now = snapshot([host('node3', { state: 'failed', cause: "it didn't answer" })], {});
    const { out, code } = await run({ drive, show: { kind: 'diff' } });
    expect(out).toContain("- db1  left out: its disk data lies on node3/fast, and node3 is unavailable: it didn't answer\n");
    expect(code).toBe(1);
  });
});

async function run({ drive, show }: Pick<PlanOptions, 'drive' | 'show'>): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runPlan({ drive, json: false, prove: false, whatIf: NO_QUESTION, ...(show === undefined ? {} : { show }) }, { out: (text) => void (out += text), err: (text) => void (err += text), interactive: false, env: {}, signal: new AbortController().signal });
  return { code, out, err };
}
