// Bundles the extension, the backend, the command line, the language server and the lab's machines into dist/. The tests bundle the same into folders of their own.
import { chmod, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { generate } from './generate.mjs';
import { thirdPartyLicences } from './licences.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Bundle name in dist/ to its entry. */
const ENTRIES = {
  extension: 'src/extension.ts',
  client: 'src/client.ts',
  adding: 'src/commands/adding.ts',
  backend: 'src/backend/main.ts',
  'port-helper': 'src/backend/netboot/portHelper/main.ts',
  'lab-hosts': 'src/lab/simulated/main.ts',
  planner: 'src/editor/planner/thread.ts',
  'placement-worker': 'src/backend/placement/thread/worker.ts',
};

/**
 * The command line, which is cut up along its dynamic imports: a verb loads its own part and what it shares with others. Read as
 * one file, all of it takes longer to parse than most verbs take to run.
 */
const COMMAND_LINE = { entry: 'src/backend/bin.ts', folder: 'cli' };

/** Modules that CommonJS packages among them find as usual; `__dirname` is the folder of what travels beside, as in the bundles. */
const COMMAND_LINE_BANNER = `import { createRequire as requireFrom } from 'node:module'; import { fileURLToPath as pathOf } from 'node:url'; const require = requireFrom(import.meta.url), __dirname = pathOf(new URL('..', import.meta.url));`;

/** What a person runs by name. */
const LAUNCHER = `#!/usr/bin/env node\nimport('./${COMMAND_LINE.folder}/pxen.mjs');\n`;

/** What VS Code's own process loads. */
const OF_THE_WINDOW = ['extension', 'adding'];

/** A bundle that another imports by `import()` stays one of its own beside it, and is loaded when it is first needed. */
const loadedLater = {
  name: 'loaded-later',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
      const name = kind === 'dynamic-import' && Object.keys(ENTRIES).find((entry) => `${resolve(resolveDir, path)}.ts` === `${ROOT}${ENTRIES[entry]}`);
      return name ? { path: `./${name}`, external: true } : undefined;
    });
  },
};

/**
 * Parts of packages that nothing here uses, and what they are for. Loaded all the same, they would make half of the time until the
 * boot server answers.
 */
const UNUSED = [
  // send: the types of files by their names, a large table. The boot server says itself of what type each file is.
  /[\\/]mime-db[\\/]index\.js$/,
  // prom-client: metrics of Node itself and of clusters, and a gateway to push to, with all of TLS.
  /[\\/]prom-client[\\/]lib[\\/](cluster|defaultMetrics|metricAggregators|pushgateway)\.js$/,
];

const withoutUnused = {
  name: 'without-unused',
  setup({ onLoad }) {
    for (const filter of UNUSED) onLoad({ filter }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** Files that travel beside the bundles because they are read, not imported. */
const ASSETS = [
  ['src/backend/image/assets', 'image'],
  ['src/lab/qemu/assets', 'qemu-lab'],
  ['node_modules/highs/build/highs.wasm', 'highs.wasm'],
];

export async function buildAll() {
  await generate();
  await rm(`${ROOT}/dist`, { recursive: true, force: true });
  await bundleInto(`${ROOT}/dist`);
}

/** Makes the folder if need be, and all that is shipped in it, from generated sources that are there. */
export async function bundleInto(folder) {
  const { version } = JSON.parse(await readFile(`${ROOT}/package.json`, 'utf8'));
  await mkdir(folder, { recursive: true });
  const common = {
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node20',
    minify: true,
    legalComments: 'none',
    metafile: true,
    // The CommonJS build of HiGHS: its other one finds its files by import.meta, which a CommonJS bundle hasn't got.
    // yaml's build for browsers is the same code as modules, of which a bundle takes only what it uses.
    alias: { highs: `${ROOT}/node_modules/highs/build/highs.js`, yaml: `${ROOT}/node_modules/yaml/browser/dist/index.js` },
    // ssh2 and its cpu-features try native add-ons and do without them.
    external: ['vscode', '*.node', 'cpu-features'],
    define: { PXEN_VERSION: JSON.stringify(version) },
    logLevel: 'warning',
  };
  const bundles = Object.entries(ENTRIES).map(([name, entry]) =>
    build({
      ...common,
      entryPoints: { [name]: entry },
      outdir: folder,
      format: 'cjs',
      // Names help to read a backend's stack traces; the window loads faster without them.
      keepNames: !OF_THE_WINDOW.includes(name),
      sourcemap: !OF_THE_WINDOW.includes(name) && 'linked',
      plugins: [loadedLater, withoutUnused],
      // A bundle loads another by `require`, whose "./client" is dist/client.js.
      supported: { 'dynamic-import': false },
    }),
  );
  const commandLine = build({
    ...common,
    entryPoints: { pxen: COMMAND_LINE.entry },
    outdir: `${folder}/${COMMAND_LINE.folder}`,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    splitting: true,
    keepNames: true,
    sourcemap: 'linked',
    plugins: [withoutUnused],
    banner: { js: COMMAND_LINE_BANNER },
  });
  const built = await Promise.all([...bundles, commandLine]);
  await writeFile(`${folder}/pxen.js`, LAUNCHER);
  await writeFile(`${folder}/THIRD-PARTY.txt`, await thirdPartyLicences(ROOT, built.map(({ metafile }) => metafile)));
  await chmod(`${folder}/pxen.js`, 0o755);
  for (const [from, to] of ASSETS) {
    if (await exists(`${ROOT}/${from}`)) await cp(`${ROOT}/${from}`, `${folder}/${to}`, { recursive: true });
  }
}

async function exists(path) {
  return stat(path).then(
    () => true,
    (error) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildAll();
