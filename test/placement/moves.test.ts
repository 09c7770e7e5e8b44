import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlanAction } from '../../src/protocol';
import { planActions, type Target } from '../../src/backend/placement/actions';
import { checkPlan, checkSteps } from '../../src/backend/placement/check';
import { EMPTY_INVENTORY, NO_PREVIOUS_PLACEMENT } from '../../src/backend/placement/inputs';
import { planPlacement } from '../../src/backend/placement/plan';
import { movingSituations, type MovingSituation } from './arbitrary';
import { bestByBruteForce } from './bruteForce';
import { pool } from './pools';
import { simulate } from './simulator';

/** `PXEN_PROPERTY_RUNS=2000` looks further. */
const runs = (few: number) => ({ numRuns: Number(process.env['PXEN_PROPERTY_RUNS'] ?? few) });

describe('a plan that may move what exists and runs', () => {
  it('is accepted by the checker in every situation', () => {
    fc.assert(
      fc.property(movingSituations({ hosts: 4, vms: 8, survive: 1 }), ({ model, inventory, previous, moves }) => {
        const plan = planPlacement(model, inventory, previous, moves);
        expect(checkPlan(model, inventory, previous, plan, moves)).toEqual([]);
      }),
      runs(150),
    );
  });

  it('has actions whose every state on the way is feasible, in any order and overlap they allow', () => {
    let moved = 0;
    fc.assert(
      fc.property(movingSituations({ hosts: 4, vms: 7 }), fc.infiniteStream(fc.nat()), (situation, stream) => {
        const { model, inventory, previous, moves } = situation;
        const { actions } = planPlacement(model, inventory, previous, moves);
        moved += Number(actions.some(({ kind }) => kind === 'migrate' || kind === 'move-disk'));
        expect(simulate(situation, actions, (below) => Number(stream.next().value) % below)).toEqual([]);
      }),
      runs(300),
    );
    expect(moved).toBeGreaterThan(2);
  });

  it('moves and stops nothing unless it is told that it may, as booting and the editor have it', () => {
    fc.assert(
      fc.property(movingSituations({ hosts: 4, vms: 8, survive: 1 }), ({ model, inventory, previous }) => {
        const { actions, objective } = planPlacement(model, inventory, previous);
        expect(objective.bytesMoved).toBe(0);
        expect(actions.filter(({ kind }) => kind !== 'create-disk' && kind !== 'start')).toEqual([]);
      }),
      runs(100),
    );
  });

  it('never leaves out more than one that moves nothing, and moves nothing unless that lets a VM in or bears a failure', () => {
    fc.assert(
      fc.property(movingSituations({ hosts: 4, vms: 7, survive: 1 }), ({ model, inventory, previous, moves }) => {
        const [stays, moved] = [planPlacement(model, inventory, previous), planPlacement(model, inventory, previous, moves)];
        const counts = (plan: typeof stays) => [50, 10, 0].map((priority) => plan.unplaced.filter((left) => left.priority === priority).length);
        const decisive = counts(moved).map((count, level) => count - counts(stays)[level]!).find((difference) => difference !== 0) ?? 0;
        expect(decisive).toBeLessThanOrEqual(0);
        const isBetter = decisive < 0 || moved.objective.surviveShortfall < stays.objective.surviveShortfall;
        if (moved.objective.bytesMoved > 0) expect(isBetter).toBe(true);
      }),
      runs(120),
    );
  });

  it('is no better than the best of all placements, and is it where it says so', () => {
    fc.assert(
      fc.property(movingSituations({ hosts: 3, vms: 4 }), (situation) => {
        const { model, inventory, previous, moves } = situation;
        const plan = planPlacement(model, inventory, previous, moves);
        const best = bestByBruteForce(situation, moves);
        const placed = [...best.placed.keys()].map((priority) => model.vms.filter((vm) => vm.priority === priority && plan.assignments[vm.name] !== undefined).length);
        const most = [...best.placed.values()];
        const first = placed.findIndex((count, index) => count !== most[index]);
        if (first >= 0) expect(placed[first]).toBeLessThan(most[first]!);
        else expect(plan.objective.bytesMoved).toBeGreaterThanOrEqual(best.bytesMoved);
        if (plan.status === 'feasible' || plan.stuck !== undefined) return;
        expect(placed).toEqual(most);
        expect(plan.objective.bytesMoved).toBe(best.bytesMoved);
      }),
      runs(120),
    );
  });
});

describe('the way to any placement', () => {
  /** As if nothing ran and no disk existed: another way to place the same pool, which may need every VM to move at once. */
  const elsewhere = (situation: MovingSituation, goal: 'balance' | 'consolidate'): Target | undefined => {
    const { model, inventory, previous } = situation;
    // Nothing can be fetched from a host that can't be asked.
    if (Object.values(inventory.hosts).some(({ available }) => !available)) return undefined;
    const isWanted = (name: string) => model.vms.some((vm) => vm.name === name && (vm.start.auto || inventory.running[name] !== undefined));
    const free = { ...model, cluster: { ...model.cluster, placement: { ...model.cluster.placement, goal } }, vms: model.vms.map((vm) => ({ ...vm, start: { ...vm.start, auto: isWanted(vm.name) } })) };
    const kept = Object.fromEntries(Object.entries(previous.disks).filter(([key, place]) => 'storage' in place || !isWanted(key.slice(0, key.indexOf('/')))));
    const { assignments, disks } = planPlacement(free, { ...EMPTY_INVENTORY, hosts: inventory.hosts, disks: kept }, NO_PREVIOUS_PLACEMENT);
    if (Object.keys(inventory.running).some((name) => assignments[name] === undefined)) return undefined;
    return Object.keys(previous.disks).every((key) => disks[key] !== undefined || !isWanted(key.slice(0, key.indexOf('/')))) ? { assignments, disks } : undefined;
  };

  it.each(['never', 'allowed'] as const)('is feasible in every state, or told to be missing, when stops are %s', (stops) => {
    const seen = { moved: 0, stuck: 0, stops: 0 };
    fc.assert(
      fc.property(movingSituations({ hosts: 4, vms: 7 }), fc.constantFrom('balance' as const, 'consolidate' as const), fc.infiniteStream(fc.nat()), (situation, goal, stream) => {
        const { model, inventory, previous } = situation;
        const target = elsewhere(situation, goal);
        if (target === undefined) return;
        const moves = { maxMoves: Infinity, stops };
        const { actions, stuck } = planActions({ model, inventory, previous, moves }, target);
        seen.stuck += Number(stuck.length > 0);
        if (stuck.length > 0) return;
        seen.moved += Number(actions.some(({ kind }) => kind === 'migrate' || kind === 'move-disk'));
        seen.stops += Number(actions.some(({ kind }) => kind === 'stop'));
        expect(simulate(situation, actions, (below) => Number(stream.next().value) % below)).toEqual([]);
        expect(checkSteps(model, inventory, previous, actions, moves)).toEqual([]);
        expect(whereTheyEnd(situation, actions)).toEqual(target.assignments);
      }),
      runs(250),
    );
    expect(seen.moved).toBeGreaterThan(8);
    if (stops === 'never') expect(seen.stuck).toBeGreaterThan(1);
    else expect(seen.stops).toBeGreaterThan(3);
  });
});

describe('VMs that wait for each other', () => {
  const swap = (third: boolean, stops: 'never' | 'allowed') => {
    const vms = [{ name: 'a', memory: 5, type: 'pvh' as const }, { name: 'b', memory: 6, type: 'pvh' as const }];
    const model = pool({ hosts: ['n1', 'n2', ...(third ? ['n3'] : [])].map((name) => ({ name, memory: 8 })), vms });
    const inventory = { ...EMPTY_INVENTORY, running: { a: 'n1', b: 'n2' } };
    const { actions, stuck } = planActions({ model, inventory, previous: NO_PREVIOUS_PLACEMENT, moves: { maxMoves: Infinity, stops } }, { assignments: { a: 'n2', b: 'n1' }, disks: {} });
    return { stuck, steps: actions.map((action) => `${action.kind} ${action.vm} ${'to' in action && typeof action.to === 'string' ? action.to : 'host' in action ? action.host : ''} ${action.after.join(' ')}`.trim()) };
  };

  it('get round each other over a third host, the smaller one first', () => {
    expect(swap(true, 'never')).toEqual({ stuck: [], steps: ['migrate a n3', 'migrate b n1 0', 'migrate a n2 0 1'] });
  });

  it('are stopped for a while only when that is allowed', () => {
    expect(swap(false, 'allowed')).toEqual({ stuck: [], steps: ['stop a n1', 'migrate b n1 0', 'start a n2 0 1'] });
    expect(swap(false, 'never').stuck).toEqual(['a', 'b']);
  });

  it('swap full arrays over a third one', () => {
    const r0 = { name: 'r0', capacity: 20 };
    const model = pool({ hosts: ['n1', 'n2', 'n3'].map((name) => ({ name, arrays: [r0] })), vms: ['a', 'b'].map((name) => ({ name, disks: [{ name: 'd', size: 15 }] })) });
    const at = (host: string) => ({ host, array: 'r0' });
    const { actions, stuck } = planActions({ model, inventory: { ...EMPTY_INVENTORY, disks: { 'a/d': at('n1'), 'b/d': at('n2') } }, previous: NO_PREVIOUS_PLACEMENT, moves: { maxMoves: Infinity, stops: 'never' } }, { assignments: { a: 'n2', b: 'n1' }, disks: { 'a/d': at('n2'), 'b/d': at('n1') } });
    expect(stuck).toEqual([]);
    expect(actions.filter(({ kind }) => kind === 'move-disk')).toMatchObject([{ vm: 'a', from: at('n1'), to: at('n3') }, { vm: 'b', to: at('n1'), after: [0] }, { vm: 'a', from: at('n3'), to: at('n2'), after: [0, 1] }]);
  });
});

describe('the checker, of a plan that moves', () => {
  const r0 = { name: 'r0', capacity: 100 };
  const model = pool({ hosts: ['n1', 'n2'].map((name) => ({ name, arrays: [r0] })), vms: [{ name: 'a', disks: [{ name: 'd', size: 45 }] }, { name: 'b', disks: [{ name: 'd', size: 45 }] }, { name: 'c', disks: [{ name: 'd', size: 90 }] }] });
  const previous = { assignments: { a: 'n1', b: 'n2' }, disks: { 'a/d': { host: 'n1', array: 'r0' }, 'b/d': { host: 'n2', array: 'r0' } } };
  const moves = { maxMoves: 1, stops: 'never' as const };
  const plan = planPlacement(model, EMPTY_INVENTORY, previous, moves);
  const isMove = ({ kind }: PlanAction) => kind === 'move-disk';
  const changed = (change: (action: PlanAction) => PlanAction) => ({ ...plan, actions: plan.actions.map(change) });

  it('accepts it as it is', () => {
    expect(plan.actions.filter(isMove)).toHaveLength(1);
    expect(checkPlan(model, EMPTY_INVENTORY, previous, plan, moves)).toEqual([]);
  });

  it.each([
    ['an action that no longer waits', changed((action) => ({ ...action, after: [] }))],
    ['a move of other bytes', changed((action) => (action.kind === 'move-disk' ? { ...action, bytes: action.bytes + 1 } : action))],
    ['a move from where the disk is not', changed((action) => (action.kind === 'move-disk' ? { ...action, from: action.to } : action))],
    ['a move left out', { ...plan, actions: plan.actions.filter((action) => !isMove(action)).map((action) => ({ ...action, after: [] })) }],
    ['the move last', { ...plan, actions: [...plan.actions.filter((action) => !isMove(action)), ...plan.actions.filter(isMove)].map((action, index) => ({ ...action, after: index === 0 ? [] : [index - 1] })) }],
    ['other bytes in its objective', { ...plan, objective: { ...plan.objective, bytesMoved: 0 } }],
  ])('refuses %s', (_name, mutated) => {
    expect(checkPlan(model, EMPTY_INVENTORY, previous, mutated, moves)).not.toEqual([]);
  });

  it('refuses one move too many, and a VM moved that was to stay', () => {
    expect(checkPlan(model, EMPTY_INVENTORY, previous, plan, { ...moves, maxMoves: 0 })).toEqual(['1 VMs are moved, at most 0 may be']);
    expect(checkPlan(model, EMPTY_INVENTORY, previous, plan, { ...moves, stay: new Set(['a', 'b']) })).toHaveLength(1);
  });
});

function whereTheyEnd({ inventory }: MovingSituation, actions: readonly PlanAction[]): Record<string, string> {
  const running = new Map(Object.entries(inventory.running));
  for (const action of actions) {
    if (action.kind === 'stop') running.delete(action.vm);
    else if (action.kind === 'start') running.set(action.vm, action.host);
    else if (action.kind === 'migrate') running.set(action.vm, action.to);
  }
  return Object.fromEntries(running);
}
