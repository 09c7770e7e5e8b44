import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Forbids imports by pattern, with the reason a reader of the error needs. */
const forbid = (...rules) => ({
  '@typescript-eslint/no-restricted-imports': [
    'error',
    { patterns: rules.map(([regex, message]) => ({ regex, message })) },
  ],
});

const NO_VSCODE = ['^vscode$', 'Only src/extension.ts, views, commands and editor adapters import vscode.'];
const NO_BACKEND_INTERNALS = [
  'backend/(?!drive(/|$)|placement(/|$)|system$)',
  'The window sees the backend only through protocol.ts, and the functions of drive and placement (with the clock they are passed).',
];
const NO_EFFECTS = ['^node:(fs|net|dgram|http|https|child_process|worker_threads)(/.*)?$', 'This module is pure: effects belong at the edge.'];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.cache/', 'src/backend/drive/generated/', 'examples/'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.{ts,mts}'] })),
  {
    files: ['**/*.{ts,mts}'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'only-allowed-literals' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly', Buffer: 'readonly', setTimeout: 'readonly', clearTimeout: 'readonly', fetch: 'readonly' } },
  },
  // ---- The house: who may import whom (ARCHITECTURE.md) ----
  { files: ['src/backend/**/*.ts', 'src/lab/**/*.ts', 'src/protocol.ts'], rules: forbid(NO_VSCODE) },
  {
    files: ['src/backend/drive/**/*.ts'],
    rules: forbid(NO_VSCODE, ['^\\.\\./(\\.\\./)*(placement|netboot|power|hosts|pool|image|verbs)/', 'drive knows nobody above it.']),
  },
  {
    files: ['src/backend/placement/**/*.ts'],
    // Its thread is where placement meets the world, and the only place.
    ignores: ['src/backend/placement/thread/**/*.ts'],
    rules: forbid(NO_VSCODE, NO_EFFECTS, ['^\\.\\./(netboot|power|hosts|pool|image|verbs)/', 'placement sees only the model.'], ['^\\.\\./drive/(?!model)', 'placement sees only the model.']),
  },
  {
    files: ['src/backend/netboot/answers.ts', 'src/backend/netboot/answers/**/*.ts', 'src/backend/netboot/**/codec.ts', 'src/backend/pool/machine.ts', 'src/backend/pool/machine/**/*.ts'],
    rules: forbid(NO_VSCODE, NO_EFFECTS),
  },
  {
    files: ['src/backend/{netboot,power,hosts,image}/**/*.ts'],
    ignores: ['src/backend/netboot/answers.ts', 'src/backend/netboot/answers/**/*.ts', 'src/backend/netboot/**/codec.ts'],
    rules: forbid(NO_VSCODE, ['^(\\.\\./)+pool/', 'The pool is where the parts meet: they know nothing of it.']),
  },
  { files: ['src/extension.ts', 'src/views/**/*.ts', 'src/commands/**/*.ts', 'src/editor/**/*.ts', 'src/client.ts'], rules: forbid(NO_BACKEND_INTERNALS) },
  {
    // What an open drive is, whichever editor shows it.
    files: ['src/editor/openDrive.ts', 'src/editor/planner/**/*.ts'],
    rules: forbid(NO_BACKEND_INTERNALS, NO_VSCODE),
  },
  {
    // The language server is another editor: it sees what the window's adapters see, and not those.
    files: ['src/lsp/**/*.ts'],
    rules: forbid(NO_BACKEND_INTERNALS, NO_VSCODE, ['^\\.\\./(views|commands|client|session|sessions|extension)(/|$)|^\\.\\./editor/(?!features/|openDrive$|planner/)', 'The language server uses the pure features, not VS Code\'s adapters.']),
  },
  { files: ['src/editor/features/**/*.ts'], rules: forbid(NO_BACKEND_INTERNALS, NO_VSCODE, NO_EFFECTS) },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
);
