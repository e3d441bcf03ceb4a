import { createHash } from 'node:crypto';

// Runs of 16 digits may be integers that a double cannot hold, and -0 is an integer or not by its spelling.
const NEEDS_SPELLING = /\d{16}|-0/;
const INTEGER = /^-?\d+$/;
const LEAST_INT64 = -(2n ** 63n);
const MOST_UINT64 = 2n ** 64n - 1n;

/**
 * One text for all spellings of a JSON document: keys sorted (the last of equal keys counts), no white space, no
 * needless escapes; 1, 1.0 and 1e0 are the same number. Integers of 64 bits are exact, other numbers are doubles, as
 * MySQL keeps them. A text that is no JSON stands for itself.
 */
export function canonicalJson(text: string): string {
  let document: unknown;
  try {
    document = NEEDS_SPELLING.test(text) ? JSON.parse(text, exactInteger) : JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return `not JSON: ${text}`;
    throw error;
  }
  return canonical(document);
}

/** Digest of a document, equal for all its spellings. */
export function jsonDigest(text: string): string {
  return createHash('sha256').update(canonicalJson(text)).digest('hex');
}

function exactInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  const spelling = context?.source;
  if (typeof value !== 'number' || spelling === undefined || !INTEGER.test(spelling)) return value;
  const integer = BigInt(spelling);
  return integer >= LEAST_INT64 && integer <= MOST_UINT64 ? integer : value;
}

function canonical(value: unknown): string {
  switch (typeof value) {
    case 'bigint':
      return String(value);
    case 'number':
      if (Object.is(value, -0)) return '-0';
      return Number.isInteger(value) ? String(BigInt(value)) : String(value);
    case 'object': {
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
      const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
      return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
    }
    default:
      return JSON.stringify(value);
  }
}
