import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'statecharts/**/*.test.ts'],
    // Two cores: more workers would only make the databases slower.
    maxWorkers: 2,
    testTimeout: 360_000,
    hookTimeout: 480_000,
    // A test left behind by .only would hide all others.
    allowOnly: false,
  },
});
