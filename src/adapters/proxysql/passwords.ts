import { createHash } from 'node:crypto';

const sha1 = (value: string | Buffer) => createHash('sha1').update(value).digest();
const sha256 = (...parts: readonly (string | Buffer)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** How a proxy has a user's password: as it is, or as one of the servers' own hashes. */
export type StoredPassword = 'none' | 'plain' | 'mysql_native_password' | 'caching_sha2_password';

export function kindOf(stored: string | null): StoredPassword {
  if (stored === null || stored === '') return 'none';
  if (/^\*[0-9A-F]{40}$/i.test(stored)) return 'mysql_native_password';
  return stored.startsWith('$A$') ? 'caching_sha2_password' : 'plain';
}

/**
 * Whether what a proxy has lets it in at a server that keeps `hash` for the plugin; null where that cannot be told
 * without logging in. Nothing of either is kept.
 */
export function fits(stored: string | null, plugin: string, hash: string): boolean | null {
  const kind = kindOf(stored);
  if (stored === null || kind === 'none') return hash === '';
  if (hash === '') return false;
  if (plugin === 'mysql_native_password') {
    if (kind === 'caching_sha2_password') return null;
    const own = kind === 'plain' ? `*${sha1(sha1(stored)).toString('hex')}` : stored;
    return own.toLowerCase() === hash.toLowerCase();
  }
  if (plugin !== 'caching_sha2_password') return null;
  if (kind === 'plain') return fitsSha2(stored, hash);
  // Another salt of the same password gives another hash.
  return stored === hash ? true : null;
}

/** `$A$005$`, 20 bytes of salt, and 43 letters of SHA-256-crypt with 5 times a thousand rounds. */
function fitsSha2(password: string, hash: string): boolean | null {
  const parts = /^\$A\$([0-9A-F]{3})\$([\s\S]{20})([./0-9A-Za-z]{43})$/.exec(hash);
  if (parts === null) return null;
  const [, rounds = '', salt = '', digest = ''] = parts;
  return (
    sha256Crypt(Buffer.from(password, 'utf8'), Buffer.from(salt, 'latin1'), Number.parseInt(rounds, 16) * 1_000) ===
    digest
  );
}

/** Order in which the digest's bytes are put into letters. */
const order = [
  [0, 10, 20],
  [21, 1, 11],
  [12, 22, 2],
  [3, 13, 23],
  [24, 4, 14],
  [15, 25, 5],
  [6, 16, 26],
  [27, 7, 17],
  [18, 28, 8],
  [9, 19, 29],
] as const;
const letters = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** SHA-crypt by its specification (Drepper, 2008), in the form that MySQL keeps. */
function sha256Crypt(key: Buffer, salt: Buffer, rounds: number): string {
  const repeated = (block: Buffer, length: number) => Buffer.alloc(length, block);
  const alternate = sha256(key, salt, key);
  const bits: Buffer[] = [];
  for (let length = key.length; length > 0; length >>= 1) bits.push((length & 1) === 1 ? alternate : key);
  let digest = sha256(key, salt, repeated(alternate, key.length), ...bits);
  const p = repeated(sha256(...Array.from({ length: key.length }, () => key)), key.length);
  const s = repeated(sha256(...Array.from({ length: 16 + (digest[0] ?? 0) }, () => salt)), salt.length);
  for (let round = 0; round < rounds; round++) {
    const odd = round % 2 === 1;
    digest = sha256(odd ? p : digest, round % 3 === 0 ? '' : s, round % 7 === 0 ? '' : p, odd ? digest : p);
  }
  const encode = (value: number, count: number) =>
    Array.from({ length: count }, (_, at) => letters[(value >> (6 * at)) & 63]).join('');
  const byte = (at: number) => digest[at] ?? 0;
  return [
    ...order.map(([a, b, c]) => encode((byte(a) << 16) | (byte(b) << 8) | byte(c), 4)),
    encode((byte(31) << 8) | byte(30), 3),
  ].join('');
}
