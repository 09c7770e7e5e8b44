import { defineConfig } from 'vitest/config';

/** Real clients against the real `pxen serve`, each in a network namespace of its own. Needs root and scripts/ci-packages/clients.txt. */
export default defineConfig({
  test: {
    include: ['test/clients/**/*.test.ts'],
    globalSetup: ['test/clients/globalSetup.ts'],
    // Emulated firmware takes its time, and two machines at once take more than twice as much.
    testTimeout: 240_000,
    hookTimeout: 60_000,
    // Vitest's own second is soon over on a busy machine.
    expect: { poll: { timeout: 60_000 } },
    fileParallelism: false,
  },
});
