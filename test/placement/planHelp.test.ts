import { afterEach, expect, it, vi } from 'vitest';
import { main } from '../../src/backend/cli';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it('pxen plan --help tells no default of options that may be given more than once', async () => {
  vi.stubGlobal('PXEN_VERSION', 'test');
  let help = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    help += String(text);
    return true;
  });
  expect(await main(['plan', '--help'])).toBe(0);
  expect(help).toContain('--without <HOST>');
  expect(help).not.toContain('default: [');
});
