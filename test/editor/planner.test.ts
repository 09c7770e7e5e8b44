import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { EMPTY_INVENTORY } from '../../src/backend/placement/inputs';
import { planPlacement } from '../../src/backend/placement/plan';
import { OpenDrive, type Desk } from '../../src/editor/openDrive';
import { readPlanInput, type PlanInput } from '../../src/editor/planner/messages';
import { Planner } from '../../src/editor/planner/planner';
import { temporaryFolder } from '../drive/folder';
import { aroundDrive, textsOf } from './cursor';

/** Answers with the number of its thread, and what was wanted; whatever asks it to crash, or to keep silent, is obeyed. */
const THREAD = `
const { parentPort, threadId } = require('node:worker_threads');
parentPort.on('message', ({ id, input, wanted }) => {
  if (input === 'crash') setImmediate(() => { throw new Error('asked to'); });
  else if (input === 'bad') parentPort.postMessage({ id, fault: 'no such pool' });
  else if (input === 'lacking') parentPort.postMessage({ id, plan: { threadId, wanted }, lacking: 'no conflicts' });
  else if (input !== 'silence') parentPort.postMessage({ id, plan: { threadId, wanted } });
});`;

const ask = (words: string) => words as PlanInput;

function planner(warn: (message: string) => void = () => undefined): Planner {
  const made = new Planner(path.join(temporaryFolder({ 'thread.js': THREAD }), 'thread.js'), warn);
  onTestFinished(() => made.dispose());
  return made;
}

const unending = () => new AbortController().signal;

test('A thread that failed takes only what it was asked itself along: the next one answers', async () => {
  const one = planner();
  const first = await one.plan(ask('plan'));
  const lost = one.plan(ask('crash'));
  // Asked while the failed thread is still ending.
  const next = lost.catch(() => one.plan(ask('plan')));
  await expect(lost).rejects.toThrow("The planner's thread failed: asked to");
  await expect(next).resolves.not.toEqual(first);
});

test('A fault in one plan is told to who asked for it, and the thread goes on', async () => {
  const one = planner();
  const first = await one.plan(ask('plan'));
  await expect(one.plan(ask('bad'))).rejects.toThrow('no such pool');
  await expect(one.plan(ask('plan'))).resolves.toEqual(first);
});

test('What a plan lacks is warned of, and the plan is there all the same', async () => {
  const warn = vi.fn();
  const one = planner(warn);
  await expect(one.prove(ask('lacking'), unending())).resolves.toMatchObject({ wanted: 'proven' });
  expect(warn.mock.calls).toEqual([['no conflicts']]);
});

test('A planner that was closed answers nothing any more, and starts no thread for it', async () => {
  const one = planner();
  const waiting = one.plan(ask('silence'));
  one.dispose();
  await expect(waiting).rejects.toThrow('closed');
  await expect(one.plan(ask('plan'))).rejects.toThrow('closed');
});

test('A quick plan waits for no proof', async () => {
  const one = planner();
  void one.prove(ask('silence'), unending()).catch(() => undefined);
  await expect(one.plan(ask('plan'))).resolves.toMatchObject({ wanted: 'quick' });
});

test('Proofs are made one after the other, by a solver that is kept', async () => {
  const one = planner();
  const [first, second] = await Promise.all([one.prove(ask('plan'), unending()), one.prove(ask('plan'), unending())]);
  expect(first).toMatchObject({ wanted: 'proven' });
  expect(second).toEqual(first);
});

test('A proof that nobody waits for any more ends with its thread, and the next one is made by another', async () => {
  const one = planner();
  const first = await one.prove(ask('plan'), unending());
  const proof = new AbortController();
  const aborted = one.prove(ask('silence'), proof.signal);
  const skipped = one.prove(ask('silence'), AbortSignal.abort());
  const next = one.prove(ask('plan'), unending());
  // The solver is at it by now.
  await one.plan(ask('plan'));
  proof.abort();
  await expect(aborted).rejects.toThrow('Nobody waits');
  await expect(skipped).rejects.toThrow('aborted');
  const later = await next;
  expect(later).toMatchObject({ wanted: 'proven' });
  expect(later).not.toEqual(first);
});

test("The solver's memory is given back when it hasn't been asked for a while", async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const one = planner();
  const first = await one.prove(ask('plan'), unending());
  vi.advanceTimersByTime(59_000);
  await expect(one.prove(ask('plan'), unending())).resolves.toEqual(first);
  vi.advanceTimersByTime(59_000);
  await expect(one.prove(ask('plan'), unending())).resolves.toEqual(first);
  vi.advanceTimersByTime(60_000);
  await expect(one.prove(ask('plan'), unending())).resolves.not.toEqual(first);
});

test('A planner that was closed proves nothing any more', async () => {
  const one = planner();
  const [waiting, next] = [one.prove(ask('silence'), unending()), one.prove(ask('plan'), unending())];
  // The first has been asked.
  await one.plan(ask('plan'));
  one.dispose();
  await expect(waiting).rejects.toThrow('closed');
  await expect(next).rejects.toThrow('closed');
});

/** A drive in a folder of its own, and the plans it asks for. Time stands still but for `passes`. */
function openDrive(desk: Partial<Desk> = {}): { readonly drive: OpenDrive; readonly asked: readonly PlanInput[] } {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const asked: PlanInput[] = [];
  const drive = new OpenDrive(temporaryFolder(Object.fromEntries(textsOf(aroundDrive()))), {
    unsaved: () => [],
    changed: () => undefined,
    warn: (message) => expect.fail(message),
    prove: undefined,
    ...desk,
    plan: (input) => {
      asked.push(input);
      return (desk.plan ?? planned)(input);
    },
  });
  onTestFinished(() => drive.close());
  return { drive, asked };
}

function planned(input: PlanInput) {
  const { model, previous } = readPlanInput(input);
  return Promise.resolve(planPlacement(model, EMPTY_INVENTORY, previous));
}

/** Longer than a drive waits before it does anything. */
const passes = () => vi.advanceTimersByTimeAsync(10_000);

const DNS = 'vms/dns.vm.yaml';

test('What changes nothing of the pool asks for no plan: comments, and specs with errors', async () => {
  const { drive, asked } = openDrive();
  await drive.read();
  await passes();
  const text = drive.specs.files.get(DNS)?.text ?? '';
  for (const typed of [`# The first two.\n${text}`, text.replace('1GiB', '1')]) {
    drive.edited(DNS, typed);
    await passes();
  }
  expect(asked.length).toBe(1);
  drive.edited(DNS, text.replace('1GiB', '2GiB'));
  await passes();
  expect(asked.length).toBe(2);
});

test('A plan that failed is asked for again with the next change, whatever that is', async () => {
  const warnings: string[] = [];
  let isLost = true;
  const { drive, asked } = openDrive({
    warn: (message) => warnings.push(message),
    plan: (input) => (isLost ? Promise.reject(new Error('No memory left.')) : planned(input)),
  });
  await drive.read();
  await passes();
  expect({ warnings, placement: drive.placement }).toEqual({ warnings: ['No memory left.'], placement: undefined });
  isLost = false;
  drive.edited(DNS, `${drive.specs.files.get(DNS)?.text ?? ''}# Nothing new.\n`);
  await passes();
  expect(Object.keys(drive.placement?.plan.assignments ?? {})).toEqual(['dns1', 'dns2']);
  expect(asked[1]).toBe(asked[0]);
});

test('A drive that was closed while it was planned asks for nothing more, and shows nothing', async () => {
  let answer = () => undefined as unknown;
  let shown = 0;
  const { drive, asked } = openDrive({
    changed: () => (shown += 1),
    plan: (input) => new Promise((resolve, reject) => (answer = () => planned(input).then(resolve, reject))),
  });
  await drive.read();
  await passes();
  const text = drive.specs.files.get(DNS)?.text ?? '';
  drive.edited(DNS, text.replace('1GiB', '2GiB'));
  await passes();
  const before = shown;
  drive.close();
  answer();
  drive.edited(DNS, text);
  drive.touched();
  await passes();
  expect({ asked: asked.length, shown: shown - before, placement: drive.placement }).toEqual({ asked: 1, shown: 0, placement: undefined });
});

test('A reading that went wrong keeps no later one from being done', async () => {
  let isOut = true;
  const { drive } = openDrive({
    changed: () => {
      if (isOut) throw new Error('The window is gone.');
    },
  });
  await expect(drive.read()).rejects.toThrow('The window is gone.');
  isOut = false;
  await expect(drive.read()).resolves.toBeUndefined();
});
