import { appendFileSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { watchFailpoints } from './failpoints.ts';
import { failpointNames } from './names.ts';

/**
 * `kill`: SIGKILL at the point. `stop`: SIGSTOP, until somebody sends SIGCONT. `throw`: what is under way there fails.
 * `hang`: what is under way there never goes on.
 */
const actions = ['kill', 'stop', 'throw', 'hang'] as const;
type Action = (typeof actions)[number];

/** Variable of the environment that arms failpoints. */
export const failpointVariable = 'BIGDB_CUTOVER_FAILPOINT';

/**
 * Arms what the text says: `NAME=ACTION` or `NAME@KEY=ACTION`, several with commas between, each for the first time it is
 * reached. `@FOLDER` looks at every point for a file of such a name in that folder instead, so that running controllers
 * can be told: whoever of them comes to the point takes the file away, and each point that is reached is appended to
 * `FOLDER.reached` with its key. Throws `RangeError` for a name or an action that does not exist.
 */
export function armFailpoints(text: string): void {
  const source = text.startsWith('@') ? folderSource(text.slice(1)) : memorySource(text);
  source.armed().forEach(parseOne);
  watchFailpoints(async (name, key) => {
    source.reached(name, key);
    for (const part of source.armed()) {
      const armed = parseOne(part);
      if (armed.name !== name || (armed.key !== null && armed.key !== key)) continue;
      if (source.take(part)) return act(armed.action, name);
    }
  });
}

async function act(action: Action, name: string): Promise<void> {
  switch (action) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      break;
    case 'stop':
      process.kill(process.pid, 'SIGSTOP');
      break;
    case 'throw':
      throw new Error(`failpoint ${name}`);
    case 'hang':
      await new Promise(() => {});
  }
}

interface Armed {
  readonly name: string;
  readonly key: string | null;
  readonly action: Action;
}

function parseOne(part: string): Armed {
  const [point = '', what = ''] = part.split('=');
  const [name = '', key = null] = point.split('@');
  const action = actions.find((known) => known === what);
  if (!failpointNames.includes(name)) throw new RangeError(`there is no failpoint ${name}`);
  if (action === undefined) throw new RangeError(`${name}: "${what}" is none of ${actions.join(', ')}`);
  return { name, key, action };
}

interface Source {
  /** `NAME[@KEY]=ACTION` each. */
  armed(): readonly string[];
  /** False: another controller has taken it. */
  take(part: string): boolean;
  reached(name: string, key: string): void;
}

function memorySource(text: string): Source {
  const left = new Set(
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );
  return { armed: () => [...left], take: (part) => left.delete(part), reached: () => {} };
}

/** A file for each: only one of several controllers can take it away. */
function folderSource(folder: string): Source {
  return {
    armed: () => readdirSync(folder),
    take(part) {
      try {
        unlinkSync(join(folder, part));
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw error;
      }
    },
    reached: (name, key) => appendFileSync(`${folder}.reached`, `${name} ${key}\n`),
  };
}
