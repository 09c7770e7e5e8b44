import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/vscode/**', 'test/clients/**', 'test/qemu/**'],
    setupFiles: ['test/support/seed.ts'],
    // A limit against hanging, not a measure of speed: a busy machine may take ten times as long.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Vitest's own second is soon over on a busy machine.
    expect: { poll: { timeout: 60_000 } },
  },
});
