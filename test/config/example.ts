import { readFileSync } from 'node:fs';
import { parseConfig } from '../../src/config/index.ts';
import { type ConfigFault, ConfigInvalidError } from '../../src/errors/config.ts';

/** Path of the documented example. */
export const examplePath = new URL('../../infra/config/example.yaml', import.meta.url).pathname;
export const exampleText = readFileSync(examplePath, 'utf8');

/** Every variable that the example refers to, with a value. */
export const exampleEnv: Readonly<Record<string, string>> = Object.fromEntries(
  [...exampleText.matchAll(/env: (CUTOVER_[A-Z0-9_]+)/g)].map(([, name = '']) => [name, `value of ${name}`]),
);

/** The example with parts of its text exchanged; each part has to be there. */
export function exampleWith(...changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the example has no ${from}`);
    return text.replace(from, to);
  }, exampleText);
}

/** The faults of a configuration text; none where it is good. */
export function faultsOf(text: string, env: Readonly<Record<string, string>> = exampleEnv): readonly ConfigFault[] {
  try {
    parseConfig(text, { file: 'test.yaml', folder: '/nonexistent', env });
    return [];
  } catch (error) {
    if (error instanceof ConfigInvalidError) return error.faults;
    throw error;
  }
}
