/**
 * From a keystroke to every diagnostic, and to suggestions, on drives with one spec to a file. Limits hold for processor
 * time, which other work on the machine doesn't change; the time on the clock stands beside it. Ends with 1 when a limit
 * is broken.
 */

import { cpus } from 'node:os';
import { completionsAt } from '../../src/editor/features/completion';
import { EditorDrive } from '../../src/editor/features/editorDrive';
import { poolTexts } from './pool';

interface Size {
  readonly hosts: number;
  readonly vms: number;
  readonly keystrokes: number;
  readonly diagnosticsLimitMs: number;
}

interface Time {
  readonly clockMs: number;
  readonly processorMs: number;
}

const SIZES: readonly Size[] = [
  { hosts: 64, vms: 600, keystrokes: 200, diagnosticsLimitMs: 50 },
  { hosts: 64, vms: 5000, keystrokes: 60, diagnosticsLimitMs: 200 },
];
const COMPLETION_LIMIT_MS = 20;
/** Without an identity: among 5,000 derived MAC addresses two may well be alike. */
const SURROUNDINGS = { images: ['dom0-1'] };

/** Typing `memory: 12GiB` and a comment into a VM's spec, letter by letter. */
const TYPED = '12GiB   # as measured in the lab';

console.log(`${cpus()[0]?.model.trim() ?? 'unknown processor'}, Node ${process.versions.node}`);
let broken = 0;
for (const size of SIZES) {
  const { hosts, vms, keystrokes, diagnosticsLimitMs } = size;
  const started = performance.now();
  let drive = EditorDrive.of(poolTexts(hosts, vms), SURROUNDINGS);
  const found = drive.checked.problems.length;
  console.log(`${hosts} hosts, ${vms} VMs: read and checked in ${(performance.now() - started).toFixed(0)} ms, ${found} problems`);
  if (found > 0) throw new Error(`The drive of the benchmark isn't sound: ${drive.checked.problems[0]?.message ?? ''}`);

  const file = `vms/vm${Math.floor(vms / 2)}.vm.yaml`;
  const text = drive.files.get(file)?.text ?? '';
  const at = text.indexOf('memory: ') + 'memory: '.length;
  const rest = text.slice(text.indexOf('\n', at));
  const diagnostics: Time[] = [];
  const completions: Time[] = [];
  for (let index = 0; index < keystrokes; index += 1) {
    const typed = TYPED.slice(0, index % (TYPED.length + 1));
    const now = text.slice(0, at) + typed + rest;
    diagnostics.push(timed(() => {
      drive = drive.with(file, now);
      return drive.checked.problems.length;
    }));
    // The first after an edit: nothing is known yet of who names what.
    const list = now.indexOf('apart: [') + 'apart: ['.length;
    completions.push(timed(() => completionsAt(drive, file, list).length));
  }
  broken += report('  keystroke → diagnostics', diagnostics, diagnosticsLimitMs);
  broken += report(`  suggestions of ${vms} VMs`, completions, COMPLETION_LIMIT_MS);
}
process.exitCode = broken === 0 ? 0 : 1;

function timed(work: () => number): Time {
  const [clock, processor] = [performance.now(), process.cpuUsage()];
  work();
  const { user, system } = process.cpuUsage(processor);
  return { clockMs: performance.now() - clock, processorMs: (user + system) / 1000 };
}

/** Prints the percentiles; 1 when the limit is broken. */
function report(what: string, times: readonly Time[], limitMs: number): number {
  const percentile = (share: number, of: keyof Time) => times.map((time) => time[of]).sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
  const isBroken = percentile(0.95, 'processorMs') > limitMs;
  const words = (of: keyof Time) => `median ${percentile(0.5, of).toFixed(1)} ms, p95 ${percentile(0.95, of).toFixed(1)} ms`;
  console.log(`${what}: ${words('processorMs')} of processor time, limit ${limitMs} ms${isBroken ? ': BROKEN' : ''} (on the clock ${words('clockMs')})`);
  return isBroken ? 1 : 0;
}
