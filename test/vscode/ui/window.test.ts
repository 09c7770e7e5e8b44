import { cp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { openWorkbench, type Workbench, type WorkbenchOptions } from './workbench';

let workbench: Workbench;

/** Opens a window of its own for each test of a suite. */
function inWindow(options: WorkbenchOptions): void {
  beforeEach(async () => {
    workbench = await openWorkbench(options);
  });
  afterEach(async (context: TestContext) => {
    await workbench.picture(context);
    await workbench.close();
  });
}

/** The homelab starts two of its VMs late; here nothing is learnt by waiting for them. */
async function withoutDelays(drive: string): Promise<void> {
  for (const file of ['db2', 'backup1'].map((vm) => join(drive, 'vms', `${vm}.vm.yaml`))) {
    await writeFile(file, (await readFile(file, 'utf8')).replace(/, delay: \d+s/, ''));
  }
}

async function startLab(): Promise<void> {
  await workbench.showPool();
  await workbench.command('PXEN: Start Lab');
  await workbench.notification(/homelab is up/).waitFor();
}

describe('a window that closes', () => {
  inWindow({ prepare: withoutDelays });

  it('ends the boot server that it started', async () => {
    await startLab();
    await workbench.reload();
    await workbench.showPool();
    await workbench.item(/^node1 8 CPUs · 32 GiB/).waitFor();
    // A backend that still worked on the drive would refuse this one.
    await startLab();
  });
});

describe('a window that is to keep the boot server', () => {
  inWindow({ prepare: withoutDelays, settings: { 'pxen.keepRunning': true } });

  it('leaves it to the next one, which shows the pool at once and can end it', async () => {
    await startLab();
    await workbench.reload();
    await workbench.showPool();
    await workbench.item(/^node1 ready/).waitFor();
    await workbench.item(/^db1 running/).waitFor();
    await workbench.command('PXEN: Stop Boot Server');
    await workbench.notification(/The boot server of homelab has ended/).waitFor();
    await workbench.item(/^node1 8 CPUs/).waitFor();
  });
});

describe('a window on a folder that is not trusted', () => {
  inWindow({ trust: 'ask', settings: { 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.banner': 'never' } });

  it('shows the pool, but starts nothing', async () => {
    await workbench.showPool();
    await workbench.item(/^node1 8 CPUs/).waitFor();
    await workbench.command('PXEN: Start Lab');
    await workbench.notification(/This workspace is not trusted yet/).waitFor();
  });
});

describe('a window on two drives', () => {
  inWindow({
    prepare: async (drive) => {
      const second = join(dirname(drive), 'cellar');
      await cp(drive, second, { recursive: true });
      const cluster = join(second, 'pxen.yaml');
      await writeFile(cluster, (await readFile(cluster, 'utf8')).replace('name: homelab', 'name: cellar'));
      const workspace = join(dirname(drive), 'both.code-workspace');
      await writeFile(workspace, JSON.stringify({ folders: [{ path: 'homelab' }, { path: 'cellar' }] }));
      return workspace;
    },
  });

  it('shows both pools, and asks which one is meant until a spec is open', async () => {
    const { page } = workbench;
    await workbench.showPool();
    await workbench.item(/^cellar 4 hosts, 12 VMs/).waitFor();
    await workbench.item(/^homelab 4 hosts, 12 VMs/).waitFor();
    await workbench.command('PXEN: Plan Placement');
    await page.getByRole('option', { name: /^cellar/ }).click();
    await page.getByRole('tab', { name: /Plan of cellar/ }).waitFor();
  });

  it('tells the problems of each drive, which has names of its own, and adds to the one that is chosen', async () => {
    const { page } = workbench;
    const cellar = join(dirname(workbench.drive), 'cellar');
    const db1 = join('vms', 'db1.vm.yaml');
    await workbench.showPool();
    await workbench.item(/^cellar 4 hosts, 12 VMs/).waitFor();
    // The same names in both are no duplicates; one mistake in each is told of each.
    for (const [drive, value] of [[workbench.drive, '0'], [cellar, 'two']] as const) await writeFile(join(drive, db1), (await readFile(join(drive, db1), 'utf8')).replace(/vcpus: .*/, `vcpus: ${value}`));
    await workbench.command('Problems: Focus on Problems View');
    await page.getByRole('treeitem', { name: /"vcpus" can't be 0/ }).waitFor();
    await page.getByRole('treeitem', { name: /"vcpus" must be a number|"vcpus" must be/ }).waitFor();
    expect(await page.getByRole('treeitem', { name: /name-duplicate|mac-duplicate/ }).count()).toBe(0);
    await workbench.command('PXEN: Add VM…');
    await page.getByRole('option', { name: /^cellar/ }).click();
    await page.locator('.quick-input-title').filter({ hasText: 'Add a VM to cellar (1/6)' }).waitFor();
  });
});
