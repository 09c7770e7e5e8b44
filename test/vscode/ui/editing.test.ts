import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openWorkbench, type Workbench } from './workbench';

const LIMIT = { timeout: 60_000 };
const PLAIN = { 'editor.minimap.enabled': false, 'workbench.editor.enablePreview': false, 'editor.stickyScroll.enabled': false };

describe('editing specs', () => {
  let workbench: Workbench;
  const spec = (file: string) => readFile(join(workbench.drive, 'vms', file), 'utf8');
  const saveAll = () => workbench.command('File: Save All');

  beforeAll(async () => {
    workbench = await openWorkbench({ settings: PLAIN, size: { width: 1400, height: 1000 } });
  });
  afterEach((context) => workbench.picture(context));
  afterAll(() => workbench.close());

  it('a line above the VM says where it will run; a click shows the plan', async () => {
    const { page } = workbench;
    await workbench.open('db1.vm.yaml');
    // Whenever an extension registers lenses, VS Code shows the old ones as mere text until all providers have answered again.
    const lens = page.getByRole('button', { name: /→ node\d · / }).first();
    const tab = page.getByRole('tab', { name: /Plan of homelab/ });
    await vi.waitFor(async () => {
      if (!(await tab.isVisible())) await lens.click({ timeout: 5_000 });
      await tab.waitFor({ timeout: 5_000 });
    }, LIMIT);
    await workbench.line(/^Pool homelab: 12 of 12 VMs placed on 4 hosts\./);
    await page.keyboard.press('Control+W');
  });

  it('what a value means in other units stands behind it, unless that is switched off', async () => {
    const { page } = workbench;
    await workbench.open('db1.vm.yaml');
    const hint = page.getByText('8.59 GB');
    await hint.first().waitFor();
    await mkdir(join(workbench.drive, '.vscode'), { recursive: true });
    await writeFile(join(workbench.drive, '.vscode', 'settings.json'), '{"pxen.derivedValues": false}');
    await hint.first().waitFor({ state: 'detached' });
    await writeFile(join(workbench.drive, '.vscode', 'settings.json'), '{}');
    await hint.first().waitFor();
  });

  it('hovering a key tells what it is for', async () => {
    const { page } = workbench;
    await workbench.open('db1.vm.yaml');
    await page.locator('.view-line').filter({ hasText: /^memory:/ }).getByText('memory').hover();
    await page.locator('.monaco-hover').getByText('never overcommitted').waitFor();
  });

  it('suggestions show while typing, and what is taken is written', async () => {
    const { page } = workbench;
    await workbench.open('db1.vm.yaml');
    await workbench.goTo(4, 1);
    await page.keyboard.press('Shift+End');
    await page.keyboard.type('vc');
    const suggestions = page.locator('.suggest-widget.visible');
    await suggestions.getByRole('option', { name: /^vcpus/ }).waitFor();
    await page.keyboard.press('Tab');
    await workbench.line(/^vcpus:/);
    await page.keyboard.type('4');
    await page.keyboard.press('Escape');
    await saveAll();
    await expect.poll(() => spec('db1.vm.yaml'), LIMIT).toMatch(/^vcpus: 4$/m);
  });

  it('a wrong value is marked; the light bulb offers what was meant, and puts it there', async () => {
    const { page } = workbench;
    await workbench.open('db1.vm.yaml');
    await workbench.goTo(5, 9);
    await page.keyboard.press('Shift+End');
    await page.keyboard.type('8');
    await page.keyboard.press('Escape');
    await expect.poll(() => workbench.underlined(), LIMIT).toEqual([{ line: expect.stringMatching(/^memory: 8/) as string, text: '8' }]);
    await page.keyboard.press('Control+.');
    await page.locator('.action-widget').getByText('Change to 8GiB').waitFor();
    await page.keyboard.press('Enter');
    await workbench.line(/^memory: 8GiB/);
    await expect.poll(() => workbench.underlined(), LIMIT).toEqual([]);
    await saveAll();
    await expect.poll(() => spec('db1.vm.yaml'), LIMIT).toMatch(/^memory: 8GiB$/m);
  });

  it('a name leads to where it is defined', async () => {
    const { page } = workbench;
    await workbench.open('db1.vm.yaml');
    await workbench.goTo(15, 17);
    await page.keyboard.press('F12');
    await page.getByRole('tab', { name: /dns\.vm\.yaml/, selected: true }).waitFor();
    await page.getByRole('button', { name: /^Ln 3, Col 7/ }).waitFor();
  });

  it('renaming changes every file that names the VM, and is undone in all of them at once', async () => {
    const { page } = workbench;
    await workbench.open('dns.vm.yaml');
    await workbench.goTo(3, 7);
    await page.keyboard.press('F2');
    const box = page.locator('.rename-box').getByRole('textbox');
    await box.fill('resolver1');
    await box.press('Enter');
    await workbench.line(/^name: resolver1/);
    await saveAll();
    await expect.poll(async () => (await Promise.all(['db1.vm.yaml', 'dns.vm.yaml'].map(spec))).filter((text) => /\bresolver1\b/.test(text) && !/^[^#]*\bdns1\b/m.test(text)).length, LIMIT).toBe(2);

    await workbench.open('dns.vm.yaml');
    await page.keyboard.press('Control+Z');
    await workbench.line(/^name: dns1/);
    await saveAll();
    await expect.poll(async () => (await Promise.all(['db1.vm.yaml', 'dns.vm.yaml'].map(spec))).filter((text) => text.includes('resolver1')).length, LIMIT).toBe(0);
  });

  it('a name that can’t be is refused where it is typed, in words', async () => {
    const { page } = workbench;
    await workbench.open('dns.vm.yaml');
    await workbench.goTo(3, 7);
    await page.keyboard.press('F2');
    const box = page.locator('.rename-box').getByRole('textbox');
    await box.fill('Not a name');
    await box.press('Enter');
    await page.getByText(/"Not a name" can't be a name\. Write lower-case letters/).first().waitFor();
    await page.keyboard.press('Escape');
  });

  it('formatting changes blanks, not comments', async () => {
    const { page } = workbench;
    await workbench.open('db1.vm.yaml');
    await workbench.goTo(4, 7);
    await page.keyboard.type('   ');
    await saveAll();
    await expect.poll(() => spec('db1.vm.yaml'), LIMIT).toMatch(/^vcpus: {4}4$/m);
    await workbench.command('Format Document');
    await workbench.line(/^vcpus: 4$/);
    await saveAll();
    await expect.poll(() => spec('db1.vm.yaml'), LIMIT).toMatch(/^# The primary database[^]*^vcpus: 4$/m);
  });

  it('the problems view names the hosts that came closest to a VM without a place', async () => {
    const { page } = workbench;
    await workbench.open('db1.vm.yaml');
    await workbench.goTo(5, 9);
    await page.keyboard.press('Shift+End');
    await page.keyboard.type('80GiB');
    await page.keyboard.press('Escape');
    await workbench.command('Problems: Focus on Problems View');
    const problems = page.locator('.markers-panel');
    await problems.getByText('No host can run db1.').first().waitFor();
    await problems.getByText(/node1 has .* of memory/).first().waitFor();
    await problems.getByText('vm-unplaced').first().waitFor();
  });
});

describe('a folder that is no drive', () => {
  let workbench: Workbench;
  let folder = '';

  beforeAll(async () => {
    workbench = await openWorkbench({
      settings: PLAIN,
      prepare: async (drive) => {
        folder = join(drive, '..', 'plain');
        await mkdir(join(folder, 'vms'), { recursive: true });
        await writeFile(join(folder, 'notes.yaml'), 'a: 1\n');
        await writeFile(join(folder, 'vms', 'guest.vm.yaml'), 'kind: VM\nname: guest\n');
        return folder;
      },
      waitsFor: 'editor',
    });
  });
  afterEach((context) => workbench.picture(context));
  afterAll(() => workbench.close());

  const running = async () => {
    await workbench.command('Developer: Show Running Extensions');
    await workbench.page.getByRole('tab', { name: 'Running Extensions' }).waitFor();
    await workbench.page.locator('.runtime-extensions-editor .extension').first().waitFor();
    return workbench.page.locator('.runtime-extensions-editor .extension').filter({ hasText: 'PXEN' }).count();
  };

  it('doesn’t wake the extension', async () => {
    await workbench.open('notes.yaml');
    expect(await running()).toBe(0);
  });

  it('keeps its files in YAML’s hands, whatever their names, until it becomes a drive', async () => {
    const { page } = workbench;
    await workbench.open('guest.vm.yaml');
    await page.getByRole('button', { name: 'YAML', exact: true }).waitFor();
    expect(await workbench.underlined()).toEqual([]);
    await writeFile(join(folder, 'pxen.yaml'), 'kind: Cluster\nname: small\nnetwork: {subnet: 10.0.0.0/24, server: 10.0.0.1}\n');
    await page.getByRole('button', { name: 'PXEN Spec', exact: true }).waitFor();
    await expect.poll(async () => (await workbench.underlined()).length, LIMIT).toBeGreaterThan(0);
  });

  it('then says how long the extension took to wake', async () => {
    expect(await running()).toBe(1);
    console.log(`FIGURE activation, in VS Code's own words: ${(await workbench.page.locator('.runtime-extensions-editor .extension').filter({ hasText: 'PXEN' }).locator('.activation-time').innerText()).trim()}`);
  });
});
