/** What a plan changes, against what runs and exists: a line a change, sorted by VM, as in a diff. */

import type { PlanAction, PlanJson } from '../../protocol';
import { own } from './capacity';
import type { PlanInputs } from './inputs';
import { lostDisks } from './lostDisks';
import { byName, placeLabel } from './names';
import { bytes } from './words';

export function planDiff({ model, inventory, previous }: PlanInputs, plan: PlanJson): string {
  const lines: string[] = [];
  const lost = lostDisks(model, plan);
  let unchanged = 0;
  for (const { name } of byName(model.vms)) {
    const actions = plan.actions.filter(({ vm }) => vm === name);
    const [now, host] = [own(inventory.running, name), own(plan.assignments, name)];
    const last = own(previous.assignments, name);
    const left = plan.unplaced.find(({ vm }) => vm === name);
    if (left !== undefined) lines.push(`- ${name}  left out: ${left.reasons[0] ?? ''}`);
    else if (host === undefined) continue;
    else if (actions.length === 0) unchanged++;
    else if (now === undefined) lines.push(`+ ${name}  on ${host}${last === undefined || last === host ? '' : `, last time on ${last}`}${created(actions)}`);
    else lines.push(`~ ${name}  ${now === host ? now : `${now} → ${host}`}  ${wayOf(actions)}`);
    for (const action of actions) if (action.kind === 'move-disk') lines.push(`~ ${name}/${action.disk}  ${placeLabel(action.from)} → ${placeLabel(action.to)}  ${bytes(action.bytes)}`);
  }
  for (const { disk, lay, instead } of lost) lines.push(`- ${disk}  lies on ${lay} and is lost unless restored; ${instead}`);
  const rest = unchanged === 0 ? [] : [`  ${unchanged} ${unchanged === 1 ? 'VM stays' : 'VMs stay'} as ${unchanged === 1 ? 'it is' : 'they are'}`];
  return `${(lines.length === 0 ? ['No change.'] : [...lines, ...rest]).join('\n')}\n`;
}

function wayOf(actions: readonly PlanAction[]): string {
  if (actions.some(({ kind }) => kind === 'stop')) return 'stop and start';
  const memory = actions.reduce((sum, action) => sum + (action.kind === 'migrate' ? action.bytes : 0), 0);
  return `live migration ${bytes(memory)}${actions.length > 1 ? `, by way of ${actions.slice(0, -1).flatMap((action) => (action.kind === 'migrate' ? [action.to] : [])).join(', ')}` : ''}`;
}

function created(actions: readonly PlanAction[]): string {
  const made = actions.reduce((sum, action) => sum + (action.kind === 'create-disk' ? action.bytes : 0), 0);
  return made === 0 ? '' : `, ${bytes(made)} of new disks`;
}
