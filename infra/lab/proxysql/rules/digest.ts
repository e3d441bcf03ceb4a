import { createHash } from 'node:crypto';

/** A statement without its literals and comments: what rules by digest and the statistics see. */
export interface QueryDigest {
  readonly text: string;
  /** Text of the first comment, without its marks; empty if there is none. */
  readonly firstComment: string;
}

// mysql-query_digests_max_query_length and _max_digest_length, at their defaults.
const MAX_QUERY_LENGTH = 65_000;
const MAX_DIGEST_LENGTH = 2048;
// mysql-query_digests_grouping_limit, at its default of 3.
const LONG_LIST = /\?,\?,\?(,\?)+/g;
const CACHE_ENTRIES = 4096;
const CACHED_LENGTH = 512;

const cache = new Map<string, QueryDigest>();

/**
 * @param sql the statement, one character a byte
 * @param keepsComments as with mysql-query_digests_keep_comment
 */
export function digestOf(sql: string, keepsComments = false): QueryDigest {
  if (sql.length > CACHED_LENGTH) return computeDigest(sql, keepsComments);
  const key = keepsComments ? `kept ${sql}` : sql;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const digest = computeDigest(sql, keepsComments);
  if (cache.size >= CACHE_ENTRIES) cache.clear();
  cache.set(key, digest);
  return digest;
}

const hashes = new Map<string, string>();

/** The id of a digest, in ProxySQL's form; the function behind it is another one. */
export function digestHash(text: string): string {
  let hash = hashes.get(text);
  if (hash === undefined) {
    hash = `0x${createHash('md5').update(text, 'latin1').digest('hex').slice(0, 16).toUpperCase()}`;
    if (hashes.size >= CACHE_ENTRIES) hashes.clear();
    hashes.set(text, hash);
  }
  return hash;
}

const isSpace = (code: number) => code === 32 || (code >= 9 && code <= 13);
const isDigit = (code: number) => code >= 48 && code <= 57;
const isWord = (code: number) =>
  (code >= 48 && code <= 57) ||
  (code >= 65 && code <= 90) ||
  (code >= 97 && code <= 122) ||
  code === 95 ||
  code === 36 ||
  code === 64 ||
  code === 46 ||
  code >= 128;

function computeDigest(sql: string, keepsComments: boolean): QueryDigest {
  const end = Math.min(sql.length, MAX_QUERY_LENGTH);
  let out = '';
  let firstComment = '';
  let position = 0;
  const lastCode = () => (out.length === 0 ? 0 : out.charCodeAt(out.length - 1));
  const space = () => {
    const last = lastCode();
    // No blank at the start, after another one, after `(` or `,`.
    if (last !== 0 && last !== 32 && last !== 40 && last !== 44) out += ' ';
  };
  const literal = () => {
    // A sign in front belongs to the number unless it stands between two operands without a blank.
    if (/(^|[\s(,=<>*/%])[-+] ?$/.test(out.slice(-4))) out = out.replace(/[-+] ?$/, '');
    out += '?';
  };
  while (position < end && out.length < MAX_DIGEST_LENGTH) {
    const code = sql.charCodeAt(position);
    if (isSpace(code)) {
      space();
      position++;
    } else if (code === 47 && sql.charCodeAt(position + 1) === 42) {
      const close = sql.indexOf('*/', position + 2);
      const stop = close === -1 ? end : close;
      const comment = sql.slice(position + 2, stop);
      // A conditional comment is a part of the statement: its content stays as it is.
      if (keepsComments) out = `${out.trimEnd()}/*${comment.replace(/^!/, '')}*/`;
      else if (comment.startsWith('!')) out += comment.replace(/^!\d*\s*/, '');
      if (!comment.startsWith('!') && firstComment === '') firstComment = comment.trim();
      space();
      position = stop + 2;
    } else if (
      code === 35 ||
      (code === 45 && sql.charCodeAt(position + 1) === 45 && isSpace(sql.charCodeAt(position + 2)))
    ) {
      const newline = sql.indexOf('\n', position);
      position = newline === -1 ? end : newline + 1;
      space();
    } else if (code === 39 || code === 34) {
      position = endOfString(sql, position, code, end);
      literal();
    } else if (code === 96) {
      const close = sql.indexOf('`', position + 1);
      const stop = close === -1 ? end : close + 1;
      out += sql.slice(position, stop);
      position = stop;
    } else if (isDigit(code) && !isWord(lastCode())) {
      const stop = endOfNumber(sql, position, end);
      if (stop === -1) {
        const word = endOfWord(sql, position, end);
        out += sql.slice(position, word);
        position = word;
      } else {
        literal();
        position = stop;
      }
    } else if (isWord(code)) {
      const word = endOfWord(sql, position, end);
      out += sql.slice(position, word);
      position = word;
    } else {
      if ((code === 44 || code === 41) && lastCode() === 32) out = out.slice(0, -1);
      out += sql[position];
      position++;
    }
  }
  let text = out.trimEnd().replace(LONG_LIST, '?,?,?,...');
  if (text.endsWith(';')) text = text.slice(0, -1).trimEnd();
  return { text: text.slice(0, MAX_DIGEST_LENGTH), firstComment };
}

function endOfString(sql: string, start: number, quote: number, end: number): number {
  let position = start + 1;
  while (position < end) {
    const code = sql.charCodeAt(position);
    if (code === 92) position += 2;
    else if (code !== quote) position++;
    else if (sql.charCodeAt(position + 1) === quote) position += 2;
    else return position + 1;
  }
  return end;
}

function endOfWord(sql: string, start: number, end: number): number {
  let position = start;
  while (position < end && isWord(sql.charCodeAt(position))) position++;
  return position;
}

/** Where the number ends, or -1 when it is the beginning of a name such as `1st`. */
function endOfNumber(sql: string, start: number, end: number): number {
  const match = /^(0x[0-9a-fA-F]+|\d+(\.\d*)?([eE][-+]?\d+)?)/.exec(sql.slice(start, Math.min(end, start + 128)));
  const stop = start + (match?.[0].length ?? 1);
  return stop < end && isWord(sql.charCodeAt(stop)) ? -1 : stop;
}
