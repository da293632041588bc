import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts', 'test/support/leak-watch.ts'],
    testTimeout: 20_000,
    // One more than vitest takes on two cores: most of their time tests wait for sockets and clocks.
    maxWorkers: Number(process.env['TEST_WORKERS'] ?? Math.max(2, availableParallelism() - 1)),
    // Only where the machine is shared with who knows what; a test that needed it is marked in the output.
    retry: Number(process.env['TEST_RETRIES'] ?? 0),
    coverage: {
      include: ['src/**/*.ts'],
      // main.ts is run as a process of its own by its tests.
      exclude: ['src/main.ts'],
      reporter: ['text-summary', 'json-summary', 'html'],
    },
  },
});
