import { expect, test } from 'vitest';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT } from '../../src/backend/placement/inputs';
import { planPlacement } from '../../src/backend/placement/plan';
import { decorationsOf } from '../../src/editor/features/decorations';
import { changedFiles, diagnosticsOf, KnownDiagnostics } from '../../src/editor/features/diagnostics';
import type { EditorDrive } from '../../src/editor/features/editorDrive';
import { placementOf } from '../../src/editor/features/placement';
import { aroundDrive } from './cursor';

const vm = (name: string, memory: string) => `kind: VM\nname: ${name}\nvcpus: 1\nmemory: ${memory}\nboot: {type: hvm}\n`;

function placed(drive: EditorDrive) {
  const model = drive.checked.model!;
  return placementOf(model, planPlacement(model, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT), NO_PREVIOUS_PLACEMENT);
}

test('Files with VMs that no host can run are marked, and name them', () => {
  const many = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => vm(name, '900GiB')).join('---\n');
  const drive = aroundDrive().with('vms/large.vm.yaml', vm('large', '500GiB')).with('vms/small.vm.yaml', vm('small', '1GiB')).with('vms/many.vm.yaml', many);
  expect(Object.fromEntries(decorationsOf(drive, placed(drive)))).toEqual({
    'vms/large.vm.yaml': { badge: '∅', tooltip: 'No host can run large' },
    'vms/many.vm.yaml': { badge: '∅', tooltip: 'No host can run a, b, c, d and 2 more' },
  });
});

test('Nothing is marked before there is a plan, nor in files that have errors since', () => {
  const drive = aroundDrive().with('vms/large.vm.yaml', vm('large', '500GiB'));
  expect(decorationsOf(drive, undefined).size).toBe(0);
  expect(decorationsOf(drive.with('vms/large.vm.yaml', vm('large', '500')), placed(drive)).size).toBe(0);
});

test('That a VM is too large for every host is told once: by the plan, as soon as there is one', () => {
  const drive = aroundDrive().with('vms/large.vm.yaml', vm('large', '500GiB'));
  const codes = (placement?: ReturnType<typeof placed>) => diagnosticsOf(drive, placement).get('vms/large.vm.yaml')?.map(({ code }) => code);
  expect(codes()).toEqual(['vm-too-large']);
  expect(codes(placed(drive))).toEqual(['vm-unplaced']);
});

test('Without any host one thing is told, not one a VM', () => {
  const drive = aroundDrive().with('hosts/nodes.host.yaml', undefined).with('vms/dns.vm.yaml', vm('a', '1GiB'));
  const all = [...diagnosticsOf(drive, placed(drive)).values()].flat();
  expect(all.map(({ file, code }) => `${file} ${code}`)).toEqual(['pxen.yaml host-missing']);
});

test('After a keystroke the problems of all other VMs without a place are the very same ones', () => {
  const drive = aroundDrive().with('vms/large.vm.yaml', vm('large', '500GiB')).with('vms/huge.vm.yaml', vm('huge', '900GiB'));
  const placement = placed(drive);
  const known = new KnownDiagnostics();
  const before = diagnosticsOf(drive, placement, known);
  const typed = drive.with('vms/large.vm.yaml', `# Too large.\n${vm('large', '500GiB')}`);
  const after = diagnosticsOf(typed, placement, known);
  expect(after.get('vms/huge.vm.yaml')?.[0]).toBe(before.get('vms/huge.vm.yaml')?.[0]);
  expect(after).toEqual(diagnosticsOf(typed, placement));
  expect(changedFiles(before, after)).toEqual(['vms/large.vm.yaml']);
  // A host that they all name has moved, and one is mended.
  const host = typed.with('hosts/nodes.host.yaml', `# Both.\n${typed.files.get('hosts/nodes.host.yaml')?.text ?? ''}`).with('vms/huge.vm.yaml', vm('huge', '1'));
  expect(diagnosticsOf(host, placement, known)).toEqual(diagnosticsOf(host, placement));
  expect(diagnosticsOf(drive, undefined, known)).toEqual(diagnosticsOf(drive, undefined));
  expect(changedFiles(after, new Map())).toEqual(['vms/large.vm.yaml', 'vms/huge.vm.yaml'].sort());
});
