import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlanAction, PlanJson, PlanStep } from '../../src/protocol';
import type { PoolModel } from '../../src/backend/drive/model';
import { checkPlan } from '../../src/backend/placement/check';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT } from '../../src/backend/placement/inputs';
import { planPlacement } from '../../src/backend/placement/plan';
import { situations } from './arbitrary';
import { pool } from './pools';

type Mutation = (plan: PlanJson, model: PoolModel, pick: number) => PlanJson | undefined;

const started = (plan: PlanJson, pick: number) => {
  const starts = plan.actions.filter((action) => action.kind === 'start');
  return starts[pick % Math.max(1, starts.length)];
};
const replaceAction = (plan: PlanJson, old: PlanAction, ...actions: PlanAction[]): PlanJson => ({ ...plan, actions: plan.actions.flatMap((action) => (action === old ? actions : [action])) });
/** Each action waits for the one before it. */
const inOrder = (steps: readonly PlanStep[]): PlanAction[] => steps.map((step, index) => ({ ...step, seconds: 1, after: index === 0 ? [] : [index - 1] }));
const without = <T>(record: Readonly<Record<string, T>>, key: string) => Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));

/** Each gives a plan that says or does something else than the original, or nothing when it doesn't apply. */
const MUTATIONS: Record<string, Mutation> = {
  'a VM dropped from the assignments': (plan, _model, pick) => {
    const names = Object.keys(plan.assignments);
    return names.length === 0 ? undefined : { ...plan, assignments: without(plan.assignments, names[pick % names.length]!) };
  },
  'a VM assigned to another host than it is started on': (plan, model, pick) => {
    const start = started(plan, pick);
    const other = model.hosts.find((host) => host.name !== start?.host);
    return start === undefined || other === undefined ? undefined : { ...plan, assignments: { ...plan.assignments, [start.vm]: other.name } };
  },
  'a start left out': (plan, _model, pick) => {
    const start = started(plan, pick);
    return start === undefined ? undefined : replaceAction(plan, start);
  },
  'a VM started twice': (plan, _model, pick) => {
    const start = started(plan, pick);
    return start === undefined ? undefined : replaceAction(plan, start, start, start);
  },
  'a VM started on a host that is not there': (plan, _model, pick) => {
    const start = started(plan, pick);
    return start === undefined ? undefined : { ...replaceAction(plan, start, { ...start, host: 'nowhere' }), assignments: { ...plan.assignments, [start.vm]: 'nowhere' } };
  },
  'a disk that is never made': (plan) => {
    const create = plan.actions.find((action) => action.kind === 'create-disk');
    return create === undefined ? undefined : replaceAction(plan, create);
  },
  'a disk made twice': (plan) => {
    const create = plan.actions.find((action) => action.kind === 'create-disk');
    return create === undefined ? undefined : replaceAction(plan, create, create, create);
  },
  'a disk made after its VM starts': (plan) => {
    const create = plan.actions.find((action) => action.kind === 'create-disk');
    return create === undefined ? undefined : { ...plan, actions: [...plan.actions.filter((action) => action !== create), create] };
  },
  'a disk of another size': (plan) => {
    const create = plan.actions.find((action) => action.kind === 'create-disk');
    return create === undefined ? undefined : replaceAction(plan, create, { ...create, bytes: create.bytes + 1 });
  },
  'a disk listed elsewhere than it is made': (plan) => {
    const key = Object.keys(plan.disks)[0];
    return key === undefined ? undefined : { ...plan, disks: { ...plan.disks, [key]: { host: 'nowhere', array: 'r0' } } };
  },
  'a disk forgotten': (plan) => {
    const key = Object.keys(plan.disks)[0];
    return key === undefined ? undefined : { ...plan, disks: without(plan.disks, key) };
  },
  'a running VM stopped': (plan, _model, pick) => {
    const start = started(plan, pick);
    return start === undefined ? undefined : replaceAction(plan, start, start, { kind: 'stop', vm: start.vm, host: start.host, reason: '', seconds: 0, after: [] });
  },
  'a VM left out that is also placed': (plan) => {
    const vm = Object.keys(plan.assignments)[0];
    return vm === undefined ? undefined : { ...plan, unplaced: [...plan.unplaced, { vm, priority: 0, reasons: [], conflict: [] }] };
  },
  'a VM left out that is not mentioned': (plan) => (plan.unplaced.length === 0 ? undefined : { ...plan, unplaced: plan.unplaced.slice(1) }),
  'a wrong count of VMs left out': (plan) => ({ ...plan, objective: { ...plan.objective, unplaced: plan.objective.unplaced + 1 } }),
  'a wrong sum of priorities': (plan) => ({ ...plan, objective: { ...plan.objective, unplacedPriority: plan.objective.unplacedPriority + 1 } }),
};

describe('the checker', () => {
  it.each(Object.entries(MUTATIONS))('refuses %s', (_name, mutate) => {
    let applied = 0;
    fc.assert(
      fc.property(situations({ hosts: 4, vms: 8 }), fc.nat(), ({ model, inventory, previous }, pick) => {
        const mutated = mutate(planPlacement(model, inventory, previous), model, pick);
        if (mutated === undefined) return;
        applied++;
        expect(checkPlan(model, inventory, previous, mutated)).not.toEqual([]);
      }),
      { numRuns: 100, seed: 5 },
    );
    expect(applied).toBeGreaterThan(10);
  });

  const nas = [{ name: 'nas', capacity: 20, bandwidth: 100 }];
  const r0 = { name: 'r0', capacity: 20, bandwidth: 100, iops: 100 };
  /** Both VMs put on n1, whatever that breaks. */
  const BROKEN: [string, Parameters<typeof pool>[0], RegExp][] = [
    ['too many vCPUs', { hosts: [{ name: 'n1', cpus: 3 }], vms: [{ name: 'a', vcpus: 2 }, { name: 'b', vcpus: 2 }] }, /b overfills cpu n1/],
    ['too much memory, Xen\'s share included', { hosts: [{ name: 'n1', memory: 8 }], vms: [{ name: 'a', memory: 4 }, { name: 'b', memory: 4 }] }, /b overfills memory n1/],
    ['too much space', { hosts: [{ name: 'n1', arrays: [r0] }], vms: [{ name: 'a', disks: [{ name: 'd', size: 15 }] }, { name: 'b', disks: [{ name: 'd', size: 15 }] }] }, /b\/d overfills space n1\/r0/],
    ['too much bandwidth', { hosts: [{ name: 'n1', arrays: [r0] }], vms: [{ name: 'a', disks: [{ name: 'd', bandwidth: 60 }] }, { name: 'b', disks: [{ name: 'd', bandwidth: 60 }] }] }, /b overfills bandwidth n1\/r0/],
    ['too many IOPS', { hosts: [{ name: 'n1', arrays: [r0] }], vms: [{ name: 'a', disks: [{ name: 'd', iops: 60 }] }, { name: 'b', disks: [{ name: 'd', iops: 60 }] }] }, /b overfills iops n1\/r0/],
    ['too much on shared storage', { hosts: [{ name: 'n1' }], storage: nas, vms: [{ name: 'a', disks: [{ name: 'd', size: 15, storage: 'nas' }] }, { name: 'b', disks: [{ name: 'd', size: 15, storage: 'nas' }] }] }, /b\/d overfills space storage nas/],
    ['a forbidden host', { hosts: [{ name: 'n1' }, { name: 'n2' }], vms: [{ name: 'a' }, { name: 'b', on: ['n2'] }] }, /b may not run on n1: it may run on n2 only/],
    ['VMs that must be apart', { hosts: [{ name: 'n1' }], vms: [{ name: 'a', apart: ['b'] }, { name: 'b' }] }, /b must be apart from a/],
    ['a VM that isn\'t to be started', { hosts: [{ name: 'n1' }], vms: [{ name: 'a' }, { name: 'b', auto: false }] }, /b isn't to be started/],
  ];
  it.each(BROKEN)('refuses %s', (_name, sketch, violation) => {
    const model = pool(sketch);
    const disks = Object.fromEntries(model.vms.flatMap((vm) => vm.disks.map((disk) => [`${vm.name}/${disk.name}`, disk.storage === undefined ? { host: 'n1', array: 'r0' } : { storage: disk.storage }])));
    const steps = model.vms.flatMap((vm): PlanStep[] => [
      ...vm.disks.map((disk): PlanStep => ({ kind: 'create-disk', vm: vm.name, disk: disk.name, to: disks[`${vm.name}/${disk.name}`]!, bytes: disk.sizeBytes })),
      { kind: 'start', vm: vm.name, host: 'n1' },
    ]);
    const actions = inOrder(steps);
    const nothing = { unplacedPriority: 0, unplaced: 0, surviveShortfall: 0, bytesMoved: 0, maxLoad: 0, loads: [], hostsUsed: 1, moves: 0 };
    const plan: PlanJson = { status: 'feasible', gap: 0, assignments: { a: 'n1', b: 'n1' }, disks, unplaced: [], failures: [], actions, objective: nothing, bound: nothing };
    expect(checkPlan(model, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, plan).join('\n')).toMatch(violation);
  });

  it('refuses VMs apart from their companions', () => {
    const model = pool({ hosts: [{ name: 'n1' }, { name: 'n2' }], vms: [{ name: 'a', together: ['b'] }, { name: 'b' }] });
    const plan = planPlacement(model, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT);
    const other = plan.assignments['a'] === 'n1' ? 'n2' : 'n1';
    const torn = { ...plan, assignments: { ...plan.assignments, b: other }, actions: plan.actions.map((action) => (action.kind === 'start' && action.vm === 'b' ? { ...action, host: other } : action)) };
    expect(checkPlan(model, EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT, torn)).toContain(`b must be together with a, which runs on ${plan.assignments['a']!}`);
  });
});
