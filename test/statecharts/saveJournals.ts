import { execFileSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { journalVersion } from '../../statecharts/machine.ts';
import { folderOf, journalsOfToday } from './journals.ts';

/**
 * Saves one journal for each state of the present version: `node test/statecharts/saveJournals.ts`. What is saved
 * already stays as it is, for journals like it are in stores; `--overwrite` is for a version that was never released.
 */
const overwrite = process.argv.includes('--overwrite');
const folder = folderOf(journalVersion);
await mkdir(folder, { recursive: true });
const present = new Set(await readdir(folder));
for (const [state, journal] of journalsOfToday()) {
  const file = `${state}.json`;
  if (present.has(file) && !overwrite) continue;
  await writeFile(folder + file, `${JSON.stringify(journal, null, 2)}\n`);
  console.log(`saved ${file}`);
}
// As the linter wants them.
execFileSync('npx', ['biome', 'format', '--write', folder], { stdio: 'inherit' });
