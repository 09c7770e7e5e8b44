// `npm run bench [NAME…]`: bundles every bench/**/*.bench.ts (or those whose path holds a NAME) and runs them one after the other.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './install.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

ensureInstalled();
const { build } = await import('esbuild');
const wanted = process.argv.slice(2);
const found = (await readdir(join(ROOT, 'bench'), { recursive: true })).filter((file) => file.endsWith('.bench.ts') && (wanted.length === 0 || wanted.some((name) => file.includes(name)))).sort();
if (found.length === 0) throw new Error(`There is no bench/**/*.bench.ts${wanted.length === 0 ? '' : ` whose path holds ${wanted.join(' or ')}`}.`);

// Inside the tree, so that what isn't bundled is found in node_modules.
const out = await mkdtemp(join(ROOT, 'node_modules', '.bench-'));
let failed = 0;
try {
  for (const file of found) {
    const outfile = join(out, `${file.replaceAll(/[\\/]/g, '-')}.mjs`);
    await build({ entryPoints: [join(ROOT, 'bench', file)], outfile, bundle: true, platform: 'node', target: 'node20', format: 'esm', external: ['*.node', 'yaml-language-server', 'highs'], banner: { js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);" }, logLevel: 'warning' });
    console.log(`\n== bench/${file}`);
    const { status } = spawnSync(process.execPath, [outfile], { cwd: ROOT, stdio: 'inherit' });
    if (status !== 0) failed += 1;
  }
} finally {
  await rm(out, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
