/** All placements of a small problem: every VM on every host, every disk on every volume. */

import { isPossible } from '../../src/backend/placement/exact/neighbourhoods';
import { at, Packing } from '../../src/backend/placement/packing';
import type { Problem, Solution } from '../../src/backend/placement/problem';

/** Calls back with every placement of the narrow problem. */
export function everyPlacement(problem: Problem, visit: (solution: Solution) => void): void {
  const packing = new Packing(problem, 'lifted');
  const descend = (vm: number) => {
    if (vm === problem.vmCount) {
      const solution = packing.solution();
      if (isPossible(problem, solution)) visit(solution);
      return;
    }
    if (packing.isFixed(vm)) {
      descend(vm + 1);
      return;
    }
    for (let host = 0; host < problem.hostCount; host++) {
      if (!packing.fits(vm, host)) continue;
      for (const volumes of volumeChoices(problem, vm, host)) {
        packing.restore(vm, host, volumes);
        descend(vm + 1);
        packing.remove(vm);
      }
    }
    packing.leaveOut(vm);
    descend(vm + 1);
    packing.liftAgain(vm);
  };
  descend(0);
}

function volumeChoices(problem: Problem, vm: number, host: number): number[][] {
  return Array.from(at(problem.vmDisks, vm)).reduce<number[][]>(
    (choices, disk) => {
      const only = at(problem.diskVolume, disk);
      const volumes = only >= 0 || at(problem.diskIgnored, disk) === 1 ? [only] : Array.from(at(problem.hostVolumes, host)).filter((volume) => at(problem.volumeUsable, volume) === 1);
      return choices.flatMap((choice) => volumes.map((volume) => [...choice, volume]));
    },
    [[]],
  );
}
