import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/vscode/**', 'test/clients/**', 'test/qemu/**'],
    testTimeout: 30_000,
  },
});
