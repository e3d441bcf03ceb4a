import { parentPort } from 'node:worker_threads';
import { makeDatabases } from '../world/makeDatabases.ts';
import { runSeed } from './run.ts';

// Runs seeds as they are sent, one after the other, and sends back what became of each.

const port = parentPort;
if (port === null) throw new Error('this is a worker of main.ts');
port.on('message', (seed: number) => {
  runSeed(seed, makeDatabases).then(
    // A story is long: only a failing one is wanted.
    (result) => port.postMessage(result.violations.length === 0 ? { ...result, story: [] } : result),
    (error: unknown) => {
      throw error;
    },
  );
});
