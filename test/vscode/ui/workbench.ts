/** The workbench as its user sees it: things are found by role and name, and waited for, never slept for. */

import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import type { TestContext } from 'vitest';
import { installedVsCodeServer } from '../harness/install';
import { newProfile, ROOT, type Profile } from '../harness/profile';
import { startServer } from '../harness/server';
import { openWindow } from '../harness/window';

export interface Workbench {
  readonly page: Page;
  /** A copy of examples/homelab, open in the window. */
  readonly drive: string;
  /** Runs a command from the palette. */
  command(title: string): Promise<void>;
  /** Opens a file of the workspace by its name. */
  open(file: string): Promise<void>;
  /** Puts the cursor of the open editor somewhere; line and column from 1. */
  goTo(line: number, column: number): Promise<void>;
  /** Resolves once the editor shows a line that reads like this, blanks at its ends aside. */
  line(text: RegExp): Promise<void>;
  /** What has an error's squiggle under it in the editor, and the line it stands in. */
  underlined(): Promise<readonly Underlined[]>;
  /** Reloads the window: its extension host ends, and another begins. */
  reload(): Promise<void>;
  /** Shows the pool tree and resolves when it has something in it. */
  showPool(): Promise<void>;
  /** An item of the pool tree, by what a screen reader says of it. */
  item(name: RegExp): Locator;
  /** A notification that shows this text. */
  notification(text: RegExp): Locator;
  /** Leaves a picture of the window in .cache/vscode/failed when the test has failed. */
  readonly picture: (context: TestContext) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface Underlined {
  readonly line: string;
  readonly text: string;
}

export interface WorkbenchOptions {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly size?: { readonly width: number; readonly height: number };
  /** `development`: loaded from this folder, as by F5. `installed`: as a user has it, without the title saying otherwise. */
  readonly extension?: 'development' | 'installed';
  readonly trust?: 'all' | 'ask';
  /** What shows that the window is there: PXEN's place in the activity bar, unless the window isn't a drive's. */
  readonly waitsFor?: 'pool' | 'editor';
  /** Changes the drive before the window opens it. May name something else to open: a `.code-workspace` file. */
  readonly prepare?: (drive: string) => Promise<string | undefined> | Promise<void>;
}

export async function openWorkbench(options: WorkbenchOptions = {}): Promise<Workbench> {
  const profile = await newProfile(options.settings);
  const closers: (() => Promise<void>)[] = [() => profile.remove()];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    if (options.extension === 'installed') await install(profile);
    const opened = (await options.prepare?.(profile.drive)) ?? profile.drive;
    return await open({ ...profile, opened }, options, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

const LISTED_MS = 10_000;
const MOST_TRIES = 6;

async function open(profile: Profile & { readonly opened: string }, options: WorkbenchOptions, closers: (() => Promise<void>)[], close: () => Promise<void>): Promise<Workbench> {
  const server = await startServer({ installation: await installedVsCodeServer((sentence) => console.error(sentence)), purpose: 'interface', ...(options.trust && { trust: options.trust }), ...profile });
  closers.push(() => server.close());
  const window = await openWindow({
    server,
    open: profile.opened,
    ...(options.extension !== 'installed' && { extensionDevelopmentPath: ROOT }),
    ...(options.size && { size: options.size }),
  });
  closers.push(() => window.close());
  const { page } = window;
  page.setDefaultTimeout(60_000);
  const pool = page.getByRole('tree', { name: 'Pool' });
  const quickInput = page.locator('.quick-input-widget').getByRole('textbox');
  /** Types into the quick input and takes the item of that name. */
  const pick = async (key: string, text: string, item: RegExp) => {
    const option = page.getByRole('option', { name: item }).first();
    const look = async () => {
      await page.keyboard.press(key);
      await quickInput.waitFor();
      await page.keyboard.type(text);
      return option.waitFor({ timeout: LISTED_MS }).then(() => true, () => false);
    };
    // What is listed is what was known when the list was opened: an extension that has only been read since isn't in it.
    for (let tries = 1; !(await look()); tries += 1) {
      if (tries === MOST_TRIES) throw new Error(`There is no ${item.source} among what ${key} offers for "${text}".`);
      await page.keyboard.press('Escape');
    }
    await option.click();
  };
  const command = (title: string) => pick('F1', title, new RegExp(`^${escaped(title)}`));
  // Keys pressed before the workbench listens go nowhere.
  const listens = () => page.getByRole('tab', { name: options.waitsFor === 'editor' ? /Explorer/ : 'PXEN' }).first().waitFor();
  await listens();
  return {
    page,
    drive: profile.drive,
    command,
    open: (file) => pick('Control+P', file, new RegExp(`^${escaped(file)}`)),
    goTo: async (line, column) => {
      await page.keyboard.press('Control+G');
      await quickInput.waitFor();
      await page.keyboard.type(`${line}:${column}`);
      await page.getByText(`Go to line ${line} and character ${column}.`).waitFor();
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: `Ln ${line}, Col ${column}` }).waitFor();
    },
    line: (text) => page.locator('.view-line').filter({ hasText: new RegExp(text.source.replaceAll(' ', '\\s'), text.flags) }).first().waitFor(),
    underlined: () => page.evaluate<readonly Underlined[]>(UNDERLINED),
    reload: async () => {
      await page.reload();
      await listens();
    },
    showPool: async () => {
      // A click on the activity bar would hide a view that is there already.
      await command('PXEN: Focus on Pool View');
      await pool.getByRole('treeitem').first().waitFor();
    },
    item: (name) => pool.getByRole('treeitem', { name }),
    notification: (text) => page.getByRole('dialog').filter({ hasText: text }),
    picture: async ({ task }) => {
      if (task.result?.state === 'fail') await page.screenshot({ path: join(ROOT, '.cache', 'vscode', 'failed', `${task.name}.png`) });
    },
    close,
  };
}

/**
 * Runs in the page, in one go, because the editor draws its lines anew at any time. Squiggles lie in a layer of their own, so that
 * their place alone tells what they are under: glyphs are as wide as each other.
 */
const UNDERLINED = `[...document.querySelectorAll('.squiggly-error')].map((squiggle) => {
  const under = squiggle.getBoundingClientRect();
  const middle = (under.top + under.bottom) / 2;
  const line = [...document.querySelectorAll('.view-line')].find((candidate) => {
    const { top, bottom } = candidate.getBoundingClientRect();
    return top < middle && middle < bottom;
  });
  const drawn = line?.firstElementChild;
  const text = (drawn?.textContent ?? '').replaceAll('\\u00a0', ' ');
  const { left = 0, width = 1 } = drawn?.getBoundingClientRect() ?? {};
  const column = (x) => Math.round(((x - left) / width) * text.length);
  return { line: text, text: text.slice(column(under.left), column(under.right)) };
})`;

/** VS Code takes every folder here for an extension. */
async function install({ extensionsFolder }: Profile): Promise<void> {
  await mkdir(extensionsFolder, { recursive: true });
  await symlink(ROOT, join(extensionsFolder, 'pxen.pxen-0.1.0'));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
