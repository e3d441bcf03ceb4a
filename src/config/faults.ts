import type { z } from 'zod';
import type { Path } from './rules.ts';

/** `sites[0].port` */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
}

/** What zod says, as faults with a remedy each. An unknown key is a fault of its own. */
export function faultsOfIssue(
  issue: z.core.$ZodIssue,
  document: unknown,
): readonly { path: Path; cause: string; remedy: string }[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      cause: 'this key is not known',
      remedy: 'Remove it or correct its spelling; the example configuration shows all keys.',
    }));
  }
  if (valueAt(document, path) === undefined && issue.code !== 'custom') {
    return [{ path, cause: 'is missing', remedy: 'Add it; the example configuration shows all keys.' }];
  }
  return [{ path, cause: sentence(issue.message), remedy: remedyOf(issue) }];
}

function remedyOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'custom':
      return typeof issue.params?.remedy === 'string' ? issue.params.remedy : 'Correct the value.';
    case 'invalid_type':
      return `Give a value of the type ${issue.expected}; quote it where a string looks like something else.`;
    case 'invalid_value':
      return `Use one of: ${issue.values.map(String).join(', ')}.`;
    case 'too_small':
      return `Give at least ${issue.minimum}${issue.origin === 'array' ? ' of them' : ''}.`;
    case 'too_big':
      return `Give at most ${issue.maximum}.`;
    case 'invalid_key':
      return 'Correct the key.';
    default:
      return 'Correct the value.';
  }
}

const sentence = (message: string) => message.replace(/\.$/, '').replace(/^Invalid input: /, '');

function valueAt(document: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[part] : undefined,
    document,
  );
}
