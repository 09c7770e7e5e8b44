/** Changes to a packing that can be taken back as a whole. */

import { at, type Packing } from './packing';

export class Trial {
  private readonly before = new Map<number, { readonly host: number; readonly volumes: number[] }>();

  constructor(private readonly packing: Packing) {}

  remove(vm: number): void {
    this.remember(vm);
    this.packing.remove(vm);
  }

  tryAdd(vm: number, host: number): boolean {
    if (!this.packing.fits(vm, host)) return false;
    this.remember(vm);
    // `remember` doesn't touch the choice of volumes that `fits` made.
    this.packing.add(vm, host);
    return true;
  }

  rollBack(): void {
    for (const vm of this.before.keys()) if (at(this.packing.vmHost, vm) >= 0) this.packing.remove(vm);
    for (const [vm, { host, volumes }] of this.before) if (host >= 0) this.packing.restore(vm, host, volumes);
    this.before.clear();
  }

  /** Each VM that was touched, with the host it had before (−1: none). */
  touched(): [vm: number, host: number][] {
    return [...this.before].map(([vm, { host }]) => [vm, host]);
  }

  private remember(vm: number): void {
    if (!this.before.has(vm)) this.before.set(vm, { host: at(this.packing.vmHost, vm), volumes: this.packing.volumesOf(vm) });
  }
}
