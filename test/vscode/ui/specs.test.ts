import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
    const { page } = workbench;
    await workbench.open('db1.vm.yaml');
    const squiggle = page.locator('.squiggly-error');
    await squiggle.waitFor();
    expect(await squiggle.count()).toBe(1);
    const line = page.locator('.view-line', { hasText: /^memory:\s8/ });
    const [under, within] = [await squiggle.boundingBox(), await line.boundingBox()];
    const middle = (under?.y ?? 0) + (under?.height ?? 0) / 2;
    expect(middle).toBeGreaterThan(within?.y ?? Infinity);
    expect(middle).toBeLessThan((within?.y ?? 0) + (within?.height ?? 0));
  });

  it('tells the error in the words of pxen validate when the pointer rests on it', async () => {
    const { page } = workbench;
    await page.locator('.view-line', { hasText: /^memory:\s8/ }).getByText('8').hover();
    await page.getByRole('tooltip').getByText('"memory" needs a unit: 8 of what?').waitFor();
  });

  it('boots nothing before it is corrected', async () => {
    await workbench.command('PXEN: Start Lab');
    await workbench.notification(/The specs of .* have an error\. Nothing can be booted/).waitFor();
  });
});
