import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    tags: [
      {
        name: 'exhaustive',
        description: 'goes through all cases of which npm test has some: npm run test:all, .ci/run',
      },
    ],
    globalSetup: ['test/support/build.ts', 'test/support/leak-watch.ts'],
    // A worker keeps what it has loaded: most of the CPU time went into loading the same modules for each file.
    isolate: false,
    // What the sources are transformed into, by their content: another run need not do it again.
    experimental: { fsModuleCache: true },
    // Safety nets alone: on a busy machine everything takes several times as long, and is right all the same.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // As soon as it is so: at its usual 50 ms, files with many polls waited for seconds.
    expect: { poll: { timeout: 20_000, interval: 5 } },
    // More than cores where these are few: for a part of their time tests wait for sockets and processes.
    maxWorkers: Number(process.env['TEST_WORKERS'] ?? Math.max(5, availableParallelism() - 1)),
    coverage: {
      include: ['src/**/*.ts'],
      // main.ts is run as a process of its own by its tests.
      exclude: ['src/main.ts'],
      reporter: ['text-summary', 'json-summary', 'html'],
    },
  },
});
