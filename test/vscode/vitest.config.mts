import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/vscode/*.test.ts', 'test/vscode/ui/*.test.ts'],
    // A window takes seconds to open on a busy machine; two at once take longer than one after the other.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // Vitest's own second is soon over on a busy machine.
    expect: { poll: { timeout: 60_000 } },
  },
});
