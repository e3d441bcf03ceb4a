import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { bytesOf, compare, numberOf, textOf, type Value } from '../sql/value.ts';
import { microsecondsOf, unitOf } from './time.ts';

type Function = (...args: Value[]) => Value;

/** NULL where an argument is. */
function strict(work: (...args: Exclude<Value, null>[]) => Value): Function {
  return (...args) => (args.includes(null) ? null : work(...(args as Exclude<Value, null>[])));
}

/** Joins text, as bytes where one of them is bytes. */
function joined(parts: readonly Exclude<Value, null>[], separator: Exclude<Value, null> | null): Value {
  const between = separator === null ? [] : [separator];
  const all = parts.flatMap((part, index) => (index === 0 ? [part] : [...between, part]));
  return all.some(Buffer.isBuffer) ? Buffer.concat(all.map(bytesOf)) : all.map(textOf).join('');
}

function coalesce(...args: Value[]): Value {
  return args.find((arg) => arg !== null) ?? null;
}

/** Functions of their arguments alone. IF, IFNULL, COALESCE and CASE evaluate all that they are given. */
export const FUNCTIONS: Readonly<Record<string, Function>> = {
  COALESCE: coalesce,
  IFNULL: coalesce,
  IF: (condition = null, then = null, otherwise = null) =>
    condition !== null && numberOf(condition) !== 0 ? then : otherwise,
  CONCAT: strict((...args) => joined(args, null)),
  CONCAT_WS: (separator = null, ...args) =>
    separator === null
      ? null
      : joined(
          args.filter((arg) => arg !== null),
          separator,
        ),
  REPLACE: strict((text, from = '', to = '') => textOf(text).replaceAll(textOf(from), textOf(to))),
  LEFT: strict((text, length = 0) => [...textOf(text)].slice(0, Math.max(0, numberOf(length))).join('')),
  CHAR_LENGTH: strict((text) => [...textOf(text)].length),
  OCTET_LENGTH: strict((value) => bytesOf(value).length),
  HEX: strict((value) =>
    typeof value === 'number' ? value.toString(16).toUpperCase() : bytesOf(value).toString('hex').toUpperCase(),
  ),
  CRC32: strict((value) => crc32(bytesOf(value))),
  SHA2: strict((value, bits = 256) =>
    createHash(`sha${numberOf(bits) === 0 ? 256 : numberOf(bits)}`)
      .update(bytesOf(value))
      .digest('hex'),
  ),
  SUBSTRING_INDEX: strict((text, separator = '', count = 0) => {
    const parts = textOf(text).split(textOf(separator));
    const wanted = numberOf(count);
    return (wanted >= 0 ? parts.slice(0, wanted) : parts.slice(wanted)).join(textOf(separator));
  }),
  GREATEST: strict((...args) => args.reduce((a, b) => ((compare(a, b) ?? 0) >= 0 ? a : b))),
  TIMESTAMPDIFF: strict((unit, from = '', to = '') =>
    Math.trunc((microsecondsOf(textOf(to)) - microsecondsOf(textOf(from))) / unitOf(textOf(unit))),
  ),
  JSON_REMOVE: strict((document, path = '') => {
    const parsed: unknown = JSON.parse(textOf(document));
    const names = textOf(path).split('.').slice(1);
    let at = parsed as Record<string, unknown> | undefined;
    for (const name of names.slice(0, -1)) at = at?.[name] as Record<string, unknown> | undefined;
    if (at !== undefined) delete at[names.at(-1) ?? ''];
    return JSON.stringify(parsed);
  }),
  JSON_SET: strict((document, path = '', value = 0) => {
    const parsed: unknown = JSON.parse(textOf(document));
    const name = textOf(path).replace(/^\$\./, '');
    return JSON.stringify({ ...(parsed as object), [name]: value });
  }),
};
