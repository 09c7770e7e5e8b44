import { defineConfig } from 'vitest/config';

/** The real image, real Xen, in QEMU machines. Needs scripts/ci-packages/qemu.txt; root, or user namespaces. */
export default defineConfig({
  test: {
    include: ['test/qemu/**/*.test.ts'],
    globalSetup: ['test/qemu/globalSetup.ts'],
    // Emulation on a loaded computer: a boot takes a minute or ten.
    testTimeout: 20 * 60_000,
    hookTimeout: 20 * 60_000,
    // Vitest's own second is soon over on a busy machine.
    expect: { poll: { timeout: 60_000 } },
    fileParallelism: false,
  },
});
