import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

/** Tests that npm test has no time for: `npx vitest run --config checks/vitest.config.ts resilience`. */
export default defineConfig({
  ...base,
  test: { ...base.test, include: ['checks/**/*.test.ts'], testTimeout: 180_000 },
});
