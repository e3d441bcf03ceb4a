import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const folder = fileURLToPath(new URL('.', import.meta.url));
const patches = readdirSync(folder).filter((file) => file.endsWith('.patch'));

// What does not apply any more plants nothing: the defect that it stands for would go unlooked for.
it.each(patches)('%s still applies to the code', async (file) => {
  const project = fileURLToPath(new URL('../../', import.meta.url));
  const applied = promisify(execFile)('git', ['apply', '--check', `${folder}${file}`], { cwd: project });
  await expect(applied).resolves.toMatchObject({ stderr: '' });
});
