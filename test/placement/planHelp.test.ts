import { afterEach, expect, it, vi } from 'vitest';
import { main } from '../../src/backend/cli';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function pxen(...words: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  vi.stubGlobal('PXEN_VERSION', 'test');
  let said = '';
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    });
  }
  return { code: await main(words), said };
}

it('pxen plan --help tells no default of options that may be given more than once', async () => {
  const { code, said } = await pxen('plan', '--help');
  expect(code).toBe(0);
  expect(said).toContain('--without <HOST>');
  expect(said).not.toContain('default: [');
});

it.each([
  [['plan', '--why', 'web1', '--diff'], "error: option '--why <VM>' cannot be used with option '--diff'"],
  [['plan', '--how-many', 'web1', '--why', 'web1'], "error: option '--how-many <VM>' cannot be used with option '--why <VM>'"],
  [['plan', '--how-many', 'web1', '--prove'], "error: option '--how-many <VM>' cannot be used with option '--prove'"],
])('one question at a time: pxen %s', async (words, error) => {
  expect(await pxen(...words)).toEqual({ code: 2, said: `${error}\n(--help tells what there is.)\n` });
});

it('Whoever mistypes a verb is told where to look', async () => {
  expect(await pxen('nonsense')).toEqual({ code: 2, said: "error: unknown command 'nonsense'\n(--help tells what there is.)\n" });
});
