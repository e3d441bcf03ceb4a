import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/*
 * Proves that the tests notice: each patch here puts one defect into a scratch copy of the project and runs the tests
 * that its header names. A patch that no longer applies, and a defect that no test notices, fail the run.
 *
 * A patch begins with `# defect: …` (one line) and `# notices: FILE…` (the tests), then a diff as git writes it.
 */

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const project = dirname(dirname(here));

interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly defect: string;
  readonly notices: readonly string[];
}

type Verdict = 'noticed' | 'SURVIVED' | 'DOES NOT APPLY';

async function readMutation(name: string): Promise<Mutation> {
  const file = join(here, name);
  const text = await readFile(file, 'utf8');
  const header = (key: string) => new RegExp(`^# ${key}: (.+)$`, 'm').exec(text)?.[1]?.trim();
  const [defect, notices] = [header('defect'), header('notices')];
  if (defect === undefined || notices === undefined) {
    throw new Error(`${name} lacks its header: "# defect: …" and "# notices: FILE…"`);
  }
  return { name: name.replace(/\.patch$/, ''), file, defect, notices: notices.split(/\s+/) };
}

/** The project as it stands, uncommitted changes too, with the packages of this checkout. */
async function scratchCopy(): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'bigdb-cutover-mutation-'));
  const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: project,
  });
  for (const path of stdout.split('\0').filter((name) => name !== '')) {
    await mkdir(dirname(join(scratch, path)), { recursive: true });
    // A file that was deleted and not committed yet is still listed.
    await cp(join(project, path), join(scratch, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  await symlink(join(project, 'node_modules'), join(scratch, 'node_modules'));
  return scratch;
}

async function testsPass(scratch: string, files: readonly string[]): Promise<boolean> {
  try {
    await run(process.execPath, [join('node_modules', 'vitest', 'vitest.mjs'), 'run', ...files], {
      cwd: scratch,
      maxBuffer: 64 * 1024 * 1024,
    });
    return true;
  } catch (error) {
    // Vitest ends with 1 where a test failed; anything else is no verdict.
    if ((error as { code?: unknown }).code === 1) return false;
    throw error;
  }
}

async function judge(mutation: Mutation): Promise<Verdict> {
  const scratch = await scratchCopy();
  try {
    try {
      await run('git', ['apply', '--whitespace=nowarn', mutation.file], { cwd: scratch });
    } catch {
      return 'DOES NOT APPLY';
    }
    return (await testsPass(scratch, mutation.notices)) ? 'SURVIVED' : 'noticed';
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const only = process.argv.slice(2);
  const names = (await readdir(here)).filter((name) => name.endsWith('.patch')).sort();
  const mutations = await Promise.all(
    names.filter((name) => only.length === 0 || only.some((word) => name.includes(word))).map(readMutation),
  );
  if (mutations.length === 0) {
    console.error('there is no patch of that name');
    return 2;
  }
  // Tests that fail without any defect would notice everything.
  const files = [...new Set(mutations.flatMap(({ notices }) => notices))];
  const scratch = await scratchCopy();
  try {
    if (!(await testsPass(scratch, files))) {
      console.error(`these tests fail without any defect: ${files.join(' ')}`);
      return 1;
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  let failed = 0;
  for (const mutation of mutations) {
    const verdict = await judge(mutation);
    if (verdict !== 'noticed') failed += 1;
    console.log(`${verdict.padEnd(16)}${mutation.name.padEnd(28)}${mutation.defect}`);
  }
  console.log(`${mutations.length - failed} noticed, ${failed} not`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
