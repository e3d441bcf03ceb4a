import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { addCoverage, type Coverage, noCoverage } from './coverage.ts';
import type { RunResult } from './run.ts';

/** What became of many seeds. */
export interface SeedsResult {
  readonly coverage: Coverage;
  /** Those that broke a rule, in order. */
  readonly failing: readonly RunResult[];
}

const workerFile = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** Node keeps the signals that a killed process still listened to, and all that hangs on them: a thread has its day. */
const seedsPerThread = 125;

/**
 * Runs seeds in worker threads, which share nothing.
 *
 * @param options.stopAtFirst no seed is begun after one has failed
 */
export async function runSeeds(
  seeds: readonly number[],
  options: { readonly workers: number; readonly stopAtFirst?: boolean; onSeed?(result: RunResult): void },
): Promise<SeedsResult> {
  const coverage = noCoverage();
  const failing: RunResult[] = [];
  const left = [...seeds];
  const runOne = (worker: Worker, seed: number): Promise<RunResult> =>
    new Promise((resolve, reject) => {
      worker.once('message', (result: RunResult) => {
        worker.off('error', reject);
        resolve(result);
      });
      worker.once('error', reject);
      worker.postMessage(seed);
    });
  const inOneThread = async () => {
    // Worlds are thrown away whole: a large nursery saves the collector most of its work.
    const worker = new Worker(workerFile, { resourceLimits: { maxYoungGenerationSizeMb: 64 } });
    try {
      for (let ran = 0; ran < seedsPerThread; ran++) {
        const seed = left.shift();
        if (seed === undefined) return;
        const result = await runOne(worker, seed);
        addCoverage(coverage, result.coverage);
        options.onSeed?.(result);
        if (result.violations.length === 0) continue;
        failing.push(result);
        if (options.stopAtFirst === true) left.length = 0;
      }
    } finally {
      await worker.terminate();
    }
  };
  const work = async () => {
    while (left.length > 0) await inOneThread();
  };
  await Promise.all(Array.from({ length: Math.min(options.workers, seeds.length) }, work));
  return { coverage, failing: failing.sort((one, other) => one.seed - other.seed) };
}
