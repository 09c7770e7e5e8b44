import { expect, test } from 'vitest';
import { EMPTY_INVENTORY } from '../../src/backend/placement/inputs';
import { planPlacement } from '../../src/backend/placement/plan';
import { placementOf, placementProblems } from '../../src/editor/features/placement';
import { aroundDrive } from './cursor';

test('A capacity that was lowered below what its disks take is marked', () => {
  const file = 'hosts/nodes.host.yaml';
  const around = aroundDrive();
  const text = (around.files.get(file)?.text ?? '').replace('capacity: 900GiB', 'capacity: 50GiB');
  const drive = around.with(file, text).with('vms/a.vm.yaml', 'kind: VM\nname: a\nvcpus: 1\nmemory: 1GiB\ndisks: [{name: root, size: 90GiB}]\nboot: {type: hvm}\n');
  const model = drive.checked.model!;
  const previous = { assignments: { a: 'node1' }, disks: { 'a/root': { host: 'node1', array: 'r0' } } };
  const problems = placementProblems(drive, placementOf(model, planPlacement(model, EMPTY_INVENTORY, previous), previous));
  const marked = problems.filter(({ code }) => code === 'load-too-high').map(({ start, end, message }) => `${text.slice(start, end)}: ${message}`);
  expect(marked).toEqual(['50GiB: The disks on r0 take 90 GiB, and there are 50 GiB (180 %). Lower what they ask for, or move some elsewhere.']);
});
