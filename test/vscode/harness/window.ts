/** A VS Code window: the server's page in a headless Chromium. */

import { format } from 'node:util';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { RunningServer } from './server';

export interface WindowOptions {
  readonly server: RunningServer;
  /** Absolute path of the folder or `.code-workspace` file to open; absent: an empty window. */
  readonly open?: string;
  /** Absolute path of the extension under test; absent: only those in the extensions folder. */
  readonly extensionDevelopmentPath?: string;
  /** With it, the extension host runs this module's `run` and then calls `onExit`. */
  readonly extensionTestsPath?: string;
  readonly size?: { readonly width: number; readonly height: number };
  readonly onLog?: (line: string) => void;
  readonly onExit?: (code: number) => void;
}

export interface CodeWindow {
  readonly page: Page;
  close(): Promise<void>;
}

/** Debian's Chromium; `PXEN_CHROMIUM` names another. */
const CHROMIUM = process.env['PXEN_CHROMIUM'] ?? '/usr/bin/chromium';

const QUIET = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Opens the window; resolves when the page has loaded, before the workbench has settled. */
export async function openWindow(options: WindowOptions): Promise<CodeWindow> {
  // Chromium's sandbox refuses to run as root; the page is our own, on loopback.
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, chromiumSandbox: false, args: QUIET });
  try {
    return { page: await load(browser, options), close: () => browser.close() };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

async function load(browser: Browser, options: WindowOptions): Promise<Page> {
  const page = await browser.newPage({ viewport: options.size ?? { width: 1280, height: 900 } });
  // The two functions that VS Code's smoke-test driver calls in place of the desktop's process.
  await page.exposeFunction('codeAutomationLog', (_type: string, words: readonly unknown[]) => {
    options.onLog?.(format(...words));
  });
  await page.exposeFunction('codeAutomationExit', (code: number) => {
    options.onExit?.(code);
  });
  await page.goto(address(options));
  return page;
}

function address(options: WindowOptions): string {
  const origin = `127.0.0.1:${options.server.port}`;
  const remote = (path: string) => `vscode-remote://${origin}${path}`;
  const payload = [
    ...(options.extensionDevelopmentPath === undefined ? [] : [['extensionDevelopmentPath', remote(options.extensionDevelopmentPath)]]),
    ...(options.extensionTestsPath === undefined ? [] : [['extensionTestsPath', remote(options.extensionTestsPath)]]),
    ['skipWelcome', 'true'],
  ];
  const query = new URLSearchParams({ payload: JSON.stringify(payload) });
  if (options.open !== undefined) query.set(options.open.endsWith('.code-workspace') ? 'workspace' : 'folder', options.open);
  return `http://${origin}/?${query.toString()}`;
}
