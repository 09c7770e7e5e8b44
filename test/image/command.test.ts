import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../../src/backend/image/command';

const node = (program: string, ...words: readonly string[]) => [process.execPath, ['-e', program, ...words]] as const;

describe('a command', () => {
  it('is heard line by line, both streams, and gets its arguments as they are', async () => {
    const lines: string[] = [];
    await runCommand(...node('console.log(process.argv[1]); console.error("two\\r\\nthree")', `a 'b' $HOME`), { onLine: (line) => lines.push(line) });
    expect(lines.sort()).toEqual([`a 'b' $HOME`, 'three', 'two']);
  });

  it('that fails is told with its last words', async () => {
    await expect(runCommand(...node('console.error("no such thing"); process.exit(4)'))).rejects.toThrow(/ended with code 4\.\n {2}no such thing$/);
  });

  it('that is not there is an error', async () => {
    await expect(runCommand('/no/such/command', [])).rejects.toThrow(/ENOENT/);
  });

  it('reads a file as its input, and may end before all of it', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pxen-command-'));
    const file = path.join(folder, 'input');
    await writeFile(file, Buffer.alloc(4 << 20, 'x'));
    const lines: string[] = [];
    await runCommand(...node('let n = 0; process.stdin.on("data", (d) => (n += d.length)).on("end", () => console.log(n))'), { inputFile: file, onLine: (line) => lines.push(line) });
    expect(lines).toEqual([String(4 << 20)]);
    await runCommand(...node('process.exit(0)'), { inputFile: file });
    await rm(folder, { recursive: true });
  });

  it('is asked to end when its signal aborts, and is waited for while it cleans up', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pxen-command-'));
    const left = path.join(folder, 'cleaned-up');
    const abort = new AbortController();
    const program = 'process.on("SIGTERM", () => { require("fs").writeFileSync(process.argv[1], "yes"); process.exit(0); }); setInterval(() => {}, 1000); console.log("ready")';
    const running = runCommand(...node(program, left), { onLine: () => abort.abort(new Error('enough')), signal: abort.signal });
    await expect(running).rejects.toThrow('enough');
    expect(await readFile(left, 'utf8')).toBe('yes');
    await rm(folder, { recursive: true });
  });
});
