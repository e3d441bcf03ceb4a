import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';

// Each patch beside this file plants one defect. It has to apply to the code as it is, and the tests that it names have
// to fail with it, which they do not without it. One that names the simulation has to be found by it.

const project = fileURLToPath(new URL('../../', import.meta.url));
const patches = fileURLToPath(new URL('.', import.meta.url));
/** Longest time for the tests of one defect (milliseconds). */
const testsWithinMs = 300_000;

const run = promisify(execFile);

/** One defect and who has to notice it. */
interface Mutation {
  readonly name: string;
  readonly file: string;
  /** What is wrong with it, in a line. */
  readonly about: string;
  /** Test files, each with a pattern for the names of its tests where not all are needed. */
  readonly notices: readonly { readonly file: string; readonly pattern: string | undefined }[];
  /** The simulation has to find it too. */
  readonly simulated: boolean;
}

/** Seeds within which the simulation has to find a defect, from 1 on, and the longest time for it (milliseconds). */
const seedsAtMost = 2_000;
const simulationWithinMs = 1_800_000;

type Verdict = 'noticed' | 'survived' | 'does not apply' | 'tests do not load' | 'fails without it';

async function readMutation(file: string): Promise<Mutation> {
  const text = await readFile(join(patches, file), 'utf8');
  const header = (key: string) =>
    [...text.matchAll(new RegExp(`^# ${key}: (.+)$`, 'gm'))].map(([, value]) => value ?? '');
  const named = header('notices');
  const simulated = named.includes('simulation');
  const notices = named
    .filter((line) => line !== 'simulation')
    .map((line) => {
      const [path = '', pattern] = line.split(' :: ');
      return { file: path.trim(), pattern: pattern?.trim() };
    });
  const [about] = header('defect');
  if (about === undefined || named.length === 0) {
    throw new Error(
      `${file} needs the header lines "# defect: …" and "# notices: test/….test.ts [:: names of tests]" or "# notices: simulation"`,
    );
  }
  return { name: basename(file, '.patch'), file, about, notices, simulated };
}

/** A copy of the project as it stands, uncommitted files included, without what is ignored. */
async function scratchCopy(folder: string): Promise<void> {
  const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: project,
    maxBuffer: 16 * 1024 * 1024,
  });
  for (const path of stdout.split('\0').filter((one) => one !== '')) {
    // A file that was deleted and is still in the index is none.
    if ((await stat(join(project, path)).catch(() => null)) === null) continue;
    await cp(join(project, path), join(folder, path));
  }
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'));
}

const reportSchema = z.object({
  success: z.boolean(),
  numPassedTests: z.number(),
  numFailedTests: z.number(),
});

let running: ChildProcess | undefined;

/** Runs tests in the copy; null where they ended without a report. */
async function runTests(folder: string, notices: Mutation['notices']): Promise<z.infer<typeof reportSchema> | null> {
  let sum = { success: true, numPassedTests: 0, numFailedTests: 0 };
  for (const { file, pattern } of notices) {
    const reportFile = join(folder, 'report.json');
    await rm(reportFile, { force: true });
    const child = spawn(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        file,
        ...(pattern === undefined ? [] : ['-t', pattern]),
        // One failure is enough, and a test that has failed may leave clients behind that the next ones wait for.
        '--bail=1',
        '--reporter=json',
        `--outputFile=${reportFile}`,
      ],
      { cwd: folder, stdio: 'ignore', timeout: testsWithinMs },
    );
    running = child;
    await new Promise<void>((resolve, reject) => child.once('close', () => resolve()).once('error', reject));
    running = undefined;
    const text = await readFile(reportFile, 'utf8').catch(() => null);
    if (text === null) return null;
    const report = reportSchema.parse(JSON.parse(text));
    sum = {
      success: sum.success && report.success,
      numPassedTests: sum.numPassedTests + report.numPassedTests,
      numFailedTests: sum.numFailedTests + report.numFailedTests,
    };
  }
  return sum;
}

const simulationSchema = z.object({ firstFailingSeed: z.number().nullable() });

/** Runs the simulation in the folder until a seed fails; null where none does, or where it cannot run. */
async function firstFailingSeed(folder: string, from: number, seeds: number): Promise<number | null> {
  const seedOptions = ['--seed', String(from), '--seeds', String(seeds), '--stop-at-first', '--json'];
  const child = spawn(process.execPath, ['test/sim/main.ts', ...seedOptions], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: simulationWithinMs,
  });
  running = child;
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await new Promise<void>((resolve, reject) => child.once('close', () => resolve()).once('error', reject));
  running = undefined;
  return simulationSchema.parse(JSON.parse(text.trimEnd().split('\n').at(-1) ?? '')).firstFailingSeed;
}

/** What the simulation makes of the defect in the folder, and which seed found it how fast. */
async function simulate(folder: string): Promise<{ verdict: Verdict; detail: string }> {
  const startedAtMs = performance.now();
  const seed = await firstFailingSeed(folder, 1, seedsAtMost);
  if (seed === null) return { verdict: 'survived', detail: `the simulation: not in ${seedsAtMost} seeds` };
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
  if ((await firstFailingSeed(project, seed, 1)) !== null)
    return { verdict: 'fails without it', detail: `seed ${seed}` };
  return { verdict: 'noticed', detail: `the simulation: seed ${seed} after ${seconds} s` };
}

async function inScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'bigdb-cutover-mutation-'));
  try {
    await scratchCopy(folder);
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Applies the defect to a copy and lets the tests look at it. */
async function judge(mutation: Mutation): Promise<{ verdict: Verdict; detail: string }> {
  return inScratch(async (folder) => {
    const applied = await run('git', ['apply', join(patches, mutation.file)], { cwd: folder }).then(
      () => true,
      (error: { stderr?: string }) => {
        console.error(error.stderr);
        return false;
      },
    );
    if (!applied) return { verdict: 'does not apply', detail: '' };
    if (mutation.notices.length > 0) {
      const report = await runTests(folder, mutation.notices);
      if (report === null || (!report.success && report.numFailedTests === 0)) {
        return { verdict: 'tests do not load', detail: '' };
      }
      if (report.success) return { verdict: 'survived', detail: 'its tests' };
    }
    return mutation.simulated ? simulate(folder) : { verdict: 'noticed', detail: '' };
  });
}

/** Files whose tests fail without any defect: they can tell nothing. */
async function failingAlready(mutations: readonly Mutation[]): Promise<Set<string>> {
  const wanted = new Map(mutations.flatMap(({ notices }) => notices).map((one) => [`${one.file} ${one.pattern}`, one]));
  const failing = new Set<string>();
  await inScratch(async (folder) => {
    for (const [key, notice] of wanted) {
      const report = await runTests(folder, [notice]);
      if (report === null || !report.success || report.numPassedTests === 0) failing.add(key);
    }
  });
  return failing;
}

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    console.log(
      'npm run test:mutations -- [NAME …]\n\nPlants each defect in a copy and runs the tests that must notice it.',
    );
    return 0;
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      running?.kill('SIGTERM');
      process.exitCode = 130;
    });
  }
  const files = (await readdir(patches)).filter((file) => file.endsWith('.patch')).sort();
  const all = await Promise.all(files.map(readMutation));
  const unknown = positionals.filter((name) => !all.some((mutation) => mutation.name === name));
  if (unknown.length > 0) {
    console.error(`no such defect: ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const mutations = all.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  console.log(`${mutations.length} defects; first their tests without them`);
  const failing = await failingAlready(mutations);
  const width = Math.max(...mutations.map(({ name }) => name.length));
  let bad = 0;
  for (const mutation of mutations) {
    const startedAtMs = performance.now();
    const blind = mutation.notices.filter((one) => failing.has(`${one.file} ${one.pattern}`));
    const { verdict, detail } =
      blind.length > 0 ? { verdict: 'fails without it' as const, detail: '' } : await judge(mutation);
    if (verdict !== 'noticed') bad += 1;
    const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
    console.log(`${mutation.name.padEnd(width)}  ${verdict.padEnd(17)} ${seconds.padStart(6)} s  ${mutation.about}`);
    if (detail !== '') console.log(`${''.padEnd(width)}  ${detail}`);
    if (process.exitCode === 130) return 130;
  }
  console.log(bad === 0 ? 'every defect was noticed' : `${bad} of ${mutations.length} not noticed`);
  return bad === 0 ? 0 : 1;
}

process.exitCode = await main();
