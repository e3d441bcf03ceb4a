import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
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
 * reached. `@FILE` looks into that file at every point instead, so that a running controller can be told: what happened
 * is taken out of it, and each point that is reached is appended to `FILE.reached` with its key. Throws `RangeError` for
 * a name or an action that does not exist.
 */
export function armFailpoints(text: string): void {
  const source = text.startsWith('@') ? fileSource(text.slice(1)) : memorySource(text);
  parse(source.read());
  watchFailpoints(async (name, key) => {
    source.reached(name, key);
    const armed = parse(source.read());
    const found = armed.find((each) => each.name === name && (each.key === null || each.key === key));
    if (found === undefined) return;
    source.write(
      armed
        .filter((each) => each !== found)
        .map(textOf)
        .join(','),
    );
    await act(found.action, name);
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

const textOf = ({ name, key, action }: Armed) => `${name}${key === null ? '' : `@${key}`}=${action}`;

function parse(text: string): Armed[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '').map(parseOne);
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
  read(): string;
  write(text: string): void;
  reached(name: string, key: string): void;
}

function memorySource(text: string): Source {
  let left = text;
  return {
    read: () => left,
    write: (next) => {
      left = next;
    },
    reached: () => {},
  };
}

function fileSource(file: string): Source {
  return {
    read: () => readFileSync(file, 'utf8'),
    // Renamed into place: another controller may be reading.
    write(text) {
      writeFileSync(`${file}.next`, text);
      renameSync(`${file}.next`, file);
    },
    reached: (name, key) => appendFileSync(`${file}.reached`, `${name} ${key}\n`),
  };
}
