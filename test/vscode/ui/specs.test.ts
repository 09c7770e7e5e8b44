import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openWorkbench, type Workbench } from './workbench';

describe('a drive with an error in a spec', () => {
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await openWorkbench({
      prepare: async (drive) => {
        const file = join(drive, 'vms', 'db1.vm.yaml');
        await writeFile(file, (await readFile(file, 'utf8')).replace('memory: 8GiB', 'memory: 8'));
      },
    });
  });
  afterEach((context) => workbench.picture(context));
  afterAll(() => workbench.close());

  it('counts the error above the tree', async () => {
    await workbench.showPool();
    await workbench.item(/^1 error in the specs/).waitFor();
  });

  it('has a squiggle under the value that lacks its unit, and nowhere else', async () => {
    await workbench.open('db1.vm.yaml');
    await expect.poll(() => workbench.underlined(), { timeout: 30_000 }).toEqual([{ line: 'memory: 8', text: '8' }]);
  });

  it('tells the error in the words of pxen validate to who goes there', async () => {
    await workbench.command('Go to Next Problem (Error, Warning, Info)');
    await workbench.page.locator('.marker-widget').getByText('"memory" needs a unit: 8 of what?').waitFor();
  });

  it('boots nothing before it is corrected', async () => {
    await workbench.command('PXEN: Start Lab');
    await workbench.notification(/The specs of .* have an error\. Nothing can be booted/).waitFor();
  });
});
