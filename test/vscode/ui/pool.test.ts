import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openWorkbench, type Workbench } from './workbench';

const HOSTS = ['node1', 'node2', 'node3', 'node4'];

describe('the pool', () => {
  let workbench: Workbench;

  beforeAll(async () => {
    // All of the tree must be in view: what isn't, isn't in the page.
    workbench = await openWorkbench({ size: { width: 1280, height: 1000 } });
  });
  afterEach((context) => workbench.picture(context));
  afterAll(() => workbench.close());

  it('shows its hosts, with their arrays and the VMs that are planned for them', async () => {
    await workbench.showPool();
    for (const host of HOSTS) await workbench.item(new RegExp(`^${host} \\d+ CPUs`)).waitFor();
    await workbench.item(/^db1 4 vCPUs · 8 GiB/).waitFor();
    await workbench.item(/^fast raid10 · 1.8 TiB/).waitFor();
  });

  it('opens the spec of what is clicked, at its name', async () => {
    const { page } = workbench;
    await workbench.item(/^node4 /).click();
    await page.getByRole('tab', { name: /rack-b\.host\.yaml/ }).waitFor();
    await page.getByRole('button', { name: /Ln \d+, Col \d+ \(5 selected\)/ }).waitFor();
  });

  it('can be cancelled on its way up, and says what it left', async () => {
    await workbench.command('PXEN: Start Lab');
    const progress = workbench.notification(/Starting homelab in the lab: .* hosts? ready/);
    await progress.waitFor();
    await progress.getByRole('button', { name: 'Cancel' }).click();
    await workbench.notification(/Starting homelab in the lab: cancelled\./).waitFor();
    for (const host of HOSTS) await workbench.item(new RegExp(`^${host} (off|ready)`)).waitFor();
  });

  it('comes up in the lab, with its progress in view, until all hosts are ready and all VMs run', async () => {
    const { page } = workbench;
    await workbench.command('PXEN: Start Lab');
    await workbench.notification(/Starting homelab in the lab: .* hosts? ready, .* VMs? running/).getByRole('progressbar').waitFor();
    await workbench.notification(/homelab is up: 4 hosts ready, 12 VMs running\./).waitFor();
    for (const host of HOSTS) await workbench.item(new RegExp(`^${host} ready · Xen`)).waitFor();
    await expect.poll(() => workbench.item(/ running$/).count(), { timeout: 10_000 }).toBe(12);
    await page.getByRole('button', { name: /homelab 4\/4 hosts · 12\/12 VMs/ }).waitFor();
  });

  it('keeps a log of how it came up', async () => {
    await workbench.notification(/homelab is up/).getByRole('button', { name: 'Show Log' }).click();
    await workbench.page.locator('.view-line').filter({ hasText: /homelab\sis\sup:\s4\shosts\sready/ }).waitFor();
  });

  it('is shut down, after a question, until every host is off', async () => {
    const { page } = workbench;
    await workbench.command('PXEN: Shut Down Pool');
    await page.getByRole('dialog', { name: /Shut down homelab\?/ }).getByRole('button', { name: 'Shut Down' }).click();
    await workbench.notification(/homelab is down\./).waitFor();
    for (const host of HOSTS) await workbench.item(new RegExp(`^${host} off`)).waitFor();
  });
});
