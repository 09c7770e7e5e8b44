/**
 * Ganeti's balancer, `hbal` (Debian package ganeti-htools), on the same pool. It takes a cluster in its text form (htools(1), "Text backend"), evens it out
 * by live migrations, and writes the cluster it would arrive at in the same form. It allocates nothing: VMs that run nowhere are no part of it.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { at } from '../../../src/backend/placement/packing';
import type { Problem } from '../../../src/backend/placement/problem';

export interface Balanced {
  /** Host of each VM, −1 where it had none. */
  readonly vmHost: Int32Array;
  /** CPU seconds of the process. */
  readonly seconds: number;
}

/** Rows of the narrow problem: thousandths of a vCPU, bytes. */
const [CPU, MEMORY] = [0, 1];
const MIB = 2 ** 20;
const CPU_SECONDS = 30;
/** What a shell says of a command that was ended by SIGXCPU, setrlimit(2). */
const OUT_OF_TIME = 152;
const CLUSTER_GROUP = 'pool';

export function hasHbal(): boolean {
  return spawnSync('hbal', ['--version']).status === 0;
}

/** What hbal makes of the placement; undefined when that takes more than thirty CPU seconds. Throws with its own words when it fails. */
export function balanceWithHbal(problem: Problem, vmHost: Int32Array): Balanced | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'pxen-hbal-'));
  try {
    const [before, after] = [join(folder, 'before'), join(folder, 'after')];
    writeFileSync(before, clusterText(problem, vmHost));
    // The shell's own `time` tells the CPU seconds of the process.
    const run = spawnSync('bash', ['-c', 'TIMEFORMAT=%U; ulimit -St "$3"; time hbal --text-data="$1" --save="$2" >/dev/null', 'bash', before, after, String(CPU_SECONDS)], { encoding: 'utf8' });
    if (run.status === OUT_OF_TIME) return undefined;
    if (run.status !== 0) throw new Error(`hbal failed: ${run.stderr}`);
    return { vmHost: readPlacement(readFileSync(`${after}.balanced`, 'utf8'), vmHost.length), seconds: Number(run.stderr.trim().split('\n').at(-1)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Sections parted by empty lines: groups, nodes, instances, cluster tags, policies. */
function clusterText(problem: Problem, vmHost: Int32Array): string {
  const { hostRows, hostCapacity, vmLoad } = problem;
  const amount = (values: Float64Array, index: number, row: number) => at(values, index * hostRows + row);
  const nodes = Array.from({ length: problem.hostCount }, (_, host) => {
    const total = Math.floor(amount(hostCapacity, host, MEMORY) / MIB);
    let used = 0;
    vmHost.forEach((where, vm) => (used += where === host ? Math.ceil(amount(vmLoad, vm, MEMORY) / MIB) : 0));
    const cpus = Math.floor(amount(hostCapacity, host, CPU) / 1000);
    return [`h${host}`, total, 0, total - used, 1e6, 1e6, cpus, host === 0 ? 'M' : 'N', CLUSTER_GROUP, 1, '', 'N', 1, 0, 1].join('|');
  });
  const instances = [...vmHost].flatMap((host, vm) =>
    host < 0 ? [] : [[`v${vm}`, Math.ceil(amount(vmLoad, vm, MEMORY) / MIB), 1, Math.ceil(amount(vmLoad, vm, CPU) / 1000), 'running', 'Y', `h${host}`, '', 'ext', '', 1, 0].join('|')],
  );
  // vCPUs are counted one to one: the capacity holds the overcommit already.
  const policy = '|1,1,1,1,1,1|1,1,1,1,1,1;9999999,9999,9999999,16,8,12|ext|1.0|9999.0';
  return [`${CLUSTER_GROUP}|${CLUSTER_GROUP}|preferred||`, '', ...nodes, '', ...instances, '', '', policy, ''].join('\n');
}

function readPlacement(text: string, vmCount: number): Int32Array {
  const vmHost = new Int32Array(vmCount).fill(-1);
  for (const [, vm, host] of text.matchAll(/^v(\d+)\|(?:[^|]*\|){5}h(\d+)\|/gm)) vmHost[Number(vm)] = Number(host);
  return vmHost;
}
