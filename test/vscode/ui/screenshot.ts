/** `npm run screenshot`: the picture that the README opens with, of a pool that runs in the lab. */

import { join } from 'node:path';
import { ROOT } from '../harness/profile';
import { openWorkbench, type Workbench } from './workbench';

const SETTINGS = {
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.startupEditor': 'none',
  'workbench.layoutControl.enabled': false,
  'workbench.editor.editorActionsLocation': 'hidden',
  'window.commandCenter': false,
  'window.menuBarVisibility': 'hidden',
  'chat.commandCenter.enabled': false,
  'editor.fontFamily': "'JetBrains Mono', 'DejaVu Sans Mono', monospace",
  'editor.fontSize': 13,
  'editor.lineHeight': 21,
  'editor.minimap.enabled': false,
  'editor.stickyScroll.enabled': false,
  'editor.renderLineHighlight': 'none',
  'editor.occurrencesHighlight': 'off',
  'editor.scrollbar.horizontal': 'hidden',
  'editor.scrollbar.vertical': 'hidden',
  'editor.hideCursorInOverviewRuler': true,
  'editor.overviewRulerBorder': false,
  'breadcrumbs.enabled': false,
};

/** The font that a desktop takes from the system. */
const STYLE = '.monaco-workbench, .monaco-workbench *:not(.codicon):not(.view-line):not(.view-line *) { font-family: Inter, "DejaVu Sans", sans-serif; }';

async function main(): Promise<void> {
  const workbench = await openWorkbench({ extension: 'installed', settings: SETTINGS, size: { width: 1400, height: 900 } });
  try {
    await compose(workbench);
    await workbench.page.screenshot({ path: join(ROOT, 'media', 'screenshot.png') });
  } finally {
    await workbench.close();
  }
}

async function compose(workbench: Workbench): Promise<void> {
  const { page } = workbench;
  await workbench.showPool();
  await workbench.open('db1.vm.yaml');
  await page.getByText(/node3 ·/).first().waitFor();
  await workbench.command('PXEN: Start Lab');
  await workbench.notification(/homelab is up/).getByRole('button', { name: 'Show Log' }).click();
  await page.locator('.view-line').filter({ hasText: /homelab\sis\sup:/ }).waitFor();
  await workbench.command('Notifications: Clear All Notifications');
  await page.locator('.notification-toast').waitFor({ state: 'detached' });
  await page.addStyleTag({ content: STYLE });
  // No caret, and nothing under the pointer that would be highlighted or explained.
  await page.locator(':focus').blur();
  await page.mouse.move(1200, 480);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
