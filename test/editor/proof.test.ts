/** What an open drive shows while its plan is being proven. The solver is the test's; time stands still but for `passes`. */

import { expect, onTestFinished, test, vi } from 'vitest';
import { EMPTY_INVENTORY } from '../../src/backend/placement/inputs';
import { planPlacement } from '../../src/backend/placement/plan';
import { diagnosticsOf } from '../../src/editor/features/diagnostics';
import { lensesOf } from '../../src/editor/features/lenses';
import { placementText } from '../../src/editor/features/placement';
import { OpenDrive } from '../../src/editor/openDrive';
import { readPlanInput, type PlanInput } from '../../src/editor/planner/messages';
import type { PlanJson } from '../../src/protocol';
import { temporaryFolder } from '../drive/folder';
import { aroundDrive, textsOf } from './cursor';

const DNS = 'vms/dns.vm.yaml';

interface Proof {
  readonly input: PlanInput;
  readonly signal: AbortSignal;
  readonly resolve: (plan: PlanJson) => void;
  readonly reject: (error: Error) => void;
}

interface Bench {
  readonly drive: OpenDrive;
  /** Asked of the solver, in turn. */
  readonly proofs: readonly Proof[];
  readonly warnings: readonly string[];
  /** How often something new was there to show. */
  readonly shown: () => number;
  readonly text: string;
  readonly edit: (from: string, to: string) => void;
}

/** The quick plan of the drive, as if nothing but the VMs that run were proven of it. */
function quick(input: PlanInput): PlanJson {
  const { model, previous } = readPlanInput(input);
  const plan = planPlacement(model, EMPTY_INVENTORY, previous);
  return { ...plan, status: 'feasible', gap: 0.031, bound: { ...plan.bound, maxLoad: 0, loads: [] } };
}

function proven(input: PlanInput): PlanJson {
  const plan = quick(input);
  return { ...plan, status: 'optimal', gap: 0, bound: plan.objective };
}

async function openDrive({ plan = quick, texts = textsOf(aroundDrive()), isProving = true, changed = () => undefined }: { plan?: (input: PlanInput) => PlanJson; texts?: ReadonlyMap<string, string>; isProving?: boolean; changed?: () => void } = {}): Promise<Bench> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const proofs: Proof[] = [];
  const warnings: string[] = [];
  let shown = 0;
  const drive = new OpenDrive(temporaryFolder(Object.fromEntries(texts)), {
    unsaved: () => [],
    changed: () => {
      shown += 1;
      changed();
    },
    warn: (message) => warnings.push(message),
    plan: (input) => Promise.resolve(plan(input)),
    prove: isProving
      ? (input, signal) =>
          new Promise((resolve, reject) => {
            proofs.push({ input, signal, resolve, reject });
            signal.addEventListener('abort', () => reject(new Error('The thread ended.')));
          })
      : undefined,
  });
  onTestFinished(() => drive.close());
  await drive.read();
  const text = drive.specs.files.get(DNS)?.text ?? '';
  return { drive, proofs, warnings, shown: () => shown, text, edit: (from, to) => drive.edited(DNS, text.replace(from, to)) };
}

/** Long enough for the quick plan; the drive hasn't been quiet for a second then. */
const passesAMoment = () => vi.advanceTimersByTimeAsync(500);
const passes = () => vi.advanceTimersByTimeAsync(10_000);

function title(drive: OpenDrive): string | undefined {
  return drive.placement && lensesOf(drive.specs, 'pxen.yaml', drive.placement)[0]?.title.split(' · ').at(-1);
}

function secondLine(drive: OpenDrive): string | undefined {
  return drive.placement && placementText(drive.placement).split('\n')[1];
}

test('The quick plan is shown at once, and the proven one in its place when it is there', async () => {
  const { drive, proofs } = await openDrive();
  await passesAMoment();
  expect({ proofs: proofs.length, title: title(drive) }).toEqual({ proofs: 0, title: 'being proven' });
  expect(secondLine(drive)).toMatch(/^Proven: all VMs are placed.*The solver is at it\.$/);
  await passes();
  const [proof] = proofs;
  if (!proof) throw new Error('Nothing was asked of the solver.');
  const plan = proven(proof.input);
  const elsewhere = { ...plan, assignments: { ...plan.assignments, dns1: 'node1', dns2: 'node1' } };
  proof.resolve(elsewhere);
  await passes();
  expect({ proofs: proofs.length, plan: drive.placement?.plan, title: title(drive), line: secondLine(drive) }).toEqual({ proofs: 1, plan: elsewhere, title: 'proven best', line: 'Proven: no placement is better.' });
  expect(drive.placement && placementText(drive.placement)).toMatch(/\nBooting doesn't wait for the solver: it follows the quick plan, which `pxen plan --max-moves 0` shows\.\n$/);
  // What each host carries follows the plan that is shown.
  expect(drive.placement?.loads.hosts.find(({ host }) => host === 'node1')?.vms).toEqual(['dns1', 'dns2']);
});

test('Where the budget ends before the proof, the distance from the bound is told', async () => {
  const { drive, proofs } = await openDrive();
  await passes();
  proofs[0]?.resolve({ ...quick(proofs[0].input), gap: 0.0001 });
  await passesAMoment();
  expect(title(drive)).toBe('at most 1 % from the best');
  expect(secondLine(drive)).not.toContain('The solver');
});

test('A change of the pool ends the proof, and its plan is proven in turn', async () => {
  const { drive, proofs, edit, warnings } = await openDrive();
  await passes();
  edit('1GiB', '2GiB');
  await passesAMoment();
  expect({ proofs: proofs.length, isAborted: proofs[0]?.signal.aborted, title: title(drive) }).toEqual({ proofs: 1, isAborted: true, title: 'being proven' });
  await passes();
  expect(proofs.length).toBe(2);
  expect(proofs[1]?.input).not.toBe(proofs[0]?.input);
  proofs[1]?.resolve(proven(proofs[1].input));
  await passesAMoment();
  expect({ title: title(drive), warnings }).toEqual({ title: 'proven best', warnings: [] });
});

test('Changes that follow each other within a second start no proof of what is in between', async () => {
  const { proofs, edit } = await openDrive();
  for (const size of ['2GiB', '3GiB', '4GiB']) {
    edit('1GiB', size);
    await passesAMoment();
  }
  expect(proofs).toEqual([]);
  await passes();
  expect(proofs.length).toBe(1);
});

test('What changes nothing of the pool lets the proof go on', async () => {
  const { drive, proofs, text } = await openDrive();
  await passes();
  for (const typed of [`# The first two.\n${text}`, text.replace('1GiB', '1')]) {
    drive.edited(DNS, typed);
    await passes();
  }
  expect(proofs.map(({ signal }) => signal.aborted)).toEqual([false]);
});

test('A proof that failed leaves the quick plan, and the same fault is told once', async () => {
  const { drive, proofs, warnings, edit } = await openDrive();
  await passes();
  const { placement } = drive;
  proofs[0]?.reject(new Error("The solver's thread failed: no memory left"));
  await passesAMoment();
  expect({ plan: drive.placement?.plan, title: title(drive) }).toEqual({ plan: placement?.plan, title: 'at most 4 % from the best' });
  edit('1GiB', '2GiB');
  await passes();
  proofs[1]?.reject(new Error("The solver's thread failed: no memory left"));
  await passesAMoment();
  expect(warnings).toEqual(["The plan of lab can't be proven; the quick one stays. The solver's thread failed: no memory left"]);
});

test('What goes wrong in showing the proven plan is told', async () => {
  let isGone = false;
  const { proofs, warnings } = await openDrive({
    changed: () => {
      if (isGone) throw new Error('The window is gone.');
    },
  });
  await passes();
  isGone = true;
  proofs[0]?.resolve(proven(proofs[0].input));
  await passesAMoment();
  expect(warnings).toEqual(['The window is gone.']);
});

test('A change that is taken back is planned and proven anew, also where the plan between failed', async () => {
  const faults = ['No memory left.'];
  const { drive, proofs, edit, warnings } = await openDrive({
    plan: (input) => {
      const fault = input.includes(String(2 * 1024 ** 3)) ? faults.pop() : undefined;
      if (fault !== undefined) throw new Error(fault);
      return quick(input);
    },
  });
  await passes();
  edit('1GiB', '2GiB');
  await passes();
  edit('', '');
  await passes();
  expect({ warnings, aborted: proofs.map(({ signal }) => signal.aborted), title: title(drive) }).toEqual({ warnings: ['No memory left.'], aborted: [true, false], title: 'being proven' });
});

test('Diagnostics stay the very same when the proven plan differs in nothing', async () => {
  const { drive, proofs, edit } = await openDrive();
  edit('1GiB', '900GiB');
  await passes();
  const before = diagnosticsOf(drive.specs, drive.placement);
  expect([...before.values()].flat().map(({ code }) => code)).toContain('vm-unplaced');
  const last = proofs.at(-1);
  last?.resolve(proven(last.input));
  await passesAMoment();
  expect(drive.placement?.isProving).toBe(false);
  expect(drive.placement && placementText(drive.placement)).not.toContain('Booting');
  expect(diagnosticsOf(drive.specs, drive.placement)).toEqual(before);
});

test('What is proven at once, and what nobody wants proven, asks nothing of the solver', async () => {
  const atOnce = await openDrive({ plan: proven });
  await passes();
  expect({ proofs: atOnce.proofs, title: title(atOnce.drive) }).toEqual({ proofs: [], title: 'proven best' });
  const unwanted = await openDrive({ isProving: false });
  await passes();
  expect(title(unwanted.drive)).toBe('at most 4 % from the best');
});

test('A pool too large for the solver is left alone', async () => {
  const many = Array.from({ length: 230 }, (_, index) => index);
  const hosts = many.map((n) => `kind: Host\nname: h${n}\nmacs: ["52:54:00:00:01:${n.toString(16).padStart(2, '0')}"]\naddress: 10.77.0.${n + 20}\ncpus: 4\nmemory: 16GiB\n`);
  const vms = many.map((n) => `kind: VM\nname: v${n}\nvcpus: 1\nmemory: 1GiB\nboot: {type: hvm}\n`);
  const { drive, proofs } = await openDrive({ texts: new Map([...textsOf(aroundDrive()), ['hosts/many.host.yaml', hosts.join('---\n')], ['vms/many.vm.yaml', vms.join('---\n')]]) });
  await passes();
  expect({ proofs, isProving: drive.placement?.isProving }).toEqual({ proofs: [], isProving: false });
});

test('A drive that was closed shows no proof any more', async () => {
  const { drive, proofs, shown, warnings } = await openDrive();
  await passes();
  const before = shown();
  drive.close();
  expect(proofs[0]?.signal.aborted).toBe(true);
  await passes();
  expect({ shown: shown() - before, warnings }).toEqual({ shown: 0, warnings: [] });
});
