import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openWorkbench, type Workbench } from './workbench';

const LIMIT = { timeout: 60_000 };
const HEARD = '52:54:00:be:ef:01';

describe('adding specs', () => {
  let workbench: Workbench;
  const read = (file: string) => readFile(join(workbench.drive, file), 'utf8');
  const input = () => workbench.page.locator('.quick-input-widget').getByRole('textbox');

  const badge = () => workbench.page.evaluate("getComputedStyle([...document.querySelectorAll('.explorer-folders-view .monaco-icon-label')].find((label) => label.textContent.includes('huge1.vm.yaml')), '::after').content");

  /** Waits for a question, writes over what is proposed, and takes it. */
  async function answer(title: RegExp, text?: string): Promise<void> {
    const { page } = workbench;
    await page.locator('.quick-input-title').filter({ hasText: title }).waitFor();
    if (text !== undefined) await input().fill(text);
    await page.keyboard.press('Enter');
  }

  beforeAll(async () => {
    workbench = await openWorkbench({
      settings: { 'editor.minimap.enabled': false },
      size: { width: 1400, height: 1000 },
      prepare: async (drive) => {
        await mkdir(join(drive, 'state'), { recursive: true });
        const machine = { wants: 'boot', architecture: 'x64 UEFI', firstSeen: '2026-01-01T00:00:00.000Z', lastSeen: '2026-01-01T00:00:00.000Z', count: 3 };
        await writeFile(join(drive, 'state', 'unknown-machines.json'), JSON.stringify({ format: 1, machines: { [HEARD]: machine } }));
      },
    });
  });
  afterEach((context) => workbench.picture(context));
  afterAll(() => workbench.close());

  it('a host: answers are checked while they are typed, a machine that asked is offered, the file opens where there is more to fill in', async () => {
    const { page } = workbench;
    await workbench.showPool();
    await workbench.command('PXEN: Add Host…');
    await page.locator('.quick-input-title').filter({ hasText: 'Add a host to homelab (1/6)' }).waitFor();
    await input().fill('node1');
    await page.locator('.quick-input-message').filter({ hasText: 'There is a file hosts/node1.host.yaml already.' }).waitFor();
    await answer(/1\/6/, 'node9');
    await page.getByRole('option', { name: new RegExp(`${HEARD}.*wants to boot \\(x64 UEFI\\)`) }).click();
    await answer(/3\/6/);
    await answer(/4\/6/, '16');
    await answer(/5\/6/, '64GiB');
    await page.getByRole('option', { name: /^One array/ }).click();
    await page.getByRole('tab', { name: /node9\.host\.yaml/ }).waitFor();
    await expect.poll(() => read('hosts/node9.host.yaml').catch(() => ''), LIMIT).toContain(`macs: [${HEARD}]`);
    // What is selected is what comes next: the array's UUID.
    await page.getByRole('button', { name: /^Ln 14, Col 46 \(35 selected\)/ }).waitFor();
    await page.keyboard.type('11111111:22222222:33333333:44444444');
    await workbench.line(/uuid: 11111111:22222222:33333333:44444444/);
    await workbench.command('File: Save All');
    await expect.poll(() => read('hosts/node9.host.yaml'), LIMIT).toContain('    uuid: 11111111:22222222:33333333:44444444\n');
    await workbench.showPool();
    await workbench.item(/^node9/).waitFor();
  });

  it('a VM, which nothing has room for, is marked in the explorer, once, and says under the mouse what that means', async () => {
    const { page } = workbench;
    await workbench.command('PXEN: Add VM…');
    await answer(/1\/6/, 'huge1');
    await answer(/2\/6/);
    await answer(/3\/6/, '900GiB');
    await page.getByRole('option', { name: /^A blank disk/ }).click();
    await answer(/5\/6/, '10GiB');
    await page.getByRole('option', { name: /^As on real hardware/ }).click();
    await page.getByRole('tab', { name: /huge1\.vm\.yaml/ }).waitFor();
    await expect.poll(() => read('vms/huge1.vm.yaml').catch(() => ''), LIMIT).toContain('memory: 900GiB');
    await workbench.command('File: Reveal Active File in Explorer View');
    // Badges are drawn by style sheets. The one that VS Code gives for a problem is enough.
    await expect.poll(badge, LIMIT).toBe('"1"');
    const row = page.locator('.explorer-folders-view .monaco-icon-label', { hasText: 'huge1.vm.yaml' });
    const card = page.locator('.workbench-hover').filter({ hasText: 'No host can run huge1' });
    // A row that is drawn anew takes its card away, and only another movement of the mouse brings it back.
    const shown = async () => {
      await page.mouse.move(0, 0);
      await row.hover();
      return card.waitFor({ timeout: 3000 }).then(() => true, () => false);
    };
    await expect.poll(shown, LIMIT).toBe(true);
  });

  it('a VM without a place has a mark of its own where VS Code marks no problems', async () => {
    await mkdir(join(workbench.drive, '.vscode'), { recursive: true });
    await writeFile(join(workbench.drive, '.vscode', 'settings.json'), JSON.stringify({ 'problems.visibility': false }));
    await expect.poll(badge, LIMIT).toBe('"∅"');
  });

  it('a file that came to be while the questions were asked is left as it is', async () => {
    const { page } = workbench;
    await workbench.command('PXEN: Add VM…');
    await answer(/1\/6/, 'late1');
    await answer(/2\/6/);
    await answer(/3\/6/);
    await page.getByRole('option', { name: /^No disk/ }).click();
    await page.locator('.quick-input-title').filter({ hasText: 'Add a VM to homelab (5/6)' }).waitFor();
    await writeFile(join(workbench.drive, 'vms', 'late1.vm.yaml'), '# Mine.\n');
    await page.getByRole('option', { name: /^As on real hardware/ }).click();
    await workbench.notification(/There is a file vms\/late1\.vm\.yaml by now/).waitFor();
    expect(await read('vms/late1.vm.yaml')).toBe('# Mine.\n');
  });

  it('whoever leaves a question leaves no file', async () => {
    const { page } = workbench;
    const files = () => Promise.all(['hosts', 'vms'].map((folder) => readdir(join(workbench.drive, folder)))).then((lists) => lists.flat());
    const before = await files();
    const leave = async () => {
      await page.keyboard.press('Escape');
      await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    };
    for (const [command, answered] of [['Add Host…', 0], ['Add Host…', 1], ['Add VM…', 0], ['Add VM…', 2], ['Add VM…', 3]] as const) {
      await workbench.command(`PXEN: ${command}`);
      for (let step = 1; step <= answered; step += 1) await answer(new RegExp(`\\(${step}/6\\)`));
      await page.locator('.quick-input-title').filter({ hasText: `(${answered + 1}/6)` }).waitFor();
      await leave();
    }
    expect(await files()).toEqual(before);
  });

  it('Enter goes on with a list', async () => {
    const { page } = workbench;
    await workbench.open('db1.vm.yaml');
    await workbench.goTo(9, 1);
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Ln 10, Col 5' }).waitFor();
    await workbench.line(/^ {2}- *$/);
    await workbench.command('File: Revert File');
  });
});
