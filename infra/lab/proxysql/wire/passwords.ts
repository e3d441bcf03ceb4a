import { constants, createHash, publicEncrypt, timingSafeEqual } from 'node:crypto';

// Proofs of passwords: mysql_native_password on both sides, caching_sha2_password towards backends.

const sha1 = (...parts: Buffer[]) => digest('sha1', parts);
const sha256 = (...parts: Buffer[]) => digest('sha256', parts);

function digest(algorithm: string, parts: readonly Buffer[]): Buffer {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, index) => byte ^ (b[index % b.length] as number)));
}

/**
 * What is known of a user's password: the text as it stands in `mysql_users`, or, where that is a `*HASH`, the first
 * hash of it, which a client discloses to the proxy when it logs in.
 */
export interface Secret {
  readonly text?: string;
  readonly firstHash?: Buffer;
}

/** The proof that mysql_native_password wants; empty for an empty password. */
export function nativeProof(secret: Secret, scramble: Buffer): Buffer {
  if (secret.text === '') return Buffer.alloc(0);
  const first = secret.firstHash ?? sha1(Buffer.from(secret.text ?? '', 'utf8'));
  return xor(first, sha1(scramble, sha1(first)));
}

/**
 * Checks a client's mysql_native_password proof against a password stored as text or as `*HASH`.
 * Returns what was learnt of the password, or undefined when the proof is wrong.
 */
export function checkNativeProof(stored: string, proof: Buffer, scramble: Buffer): Secret | undefined {
  if (stored === '') return proof.length === 0 ? { text: '' } : undefined;
  if (proof.length !== 20) return undefined;
  const isHash = /^\*[0-9A-Fa-f]{40}$/.test(stored);
  const second = isHash ? Buffer.from(stored.slice(1), 'hex') : sha1(sha1(Buffer.from(stored, 'utf8')));
  const first = xor(proof, sha1(scramble, second));
  if (!timingSafeEqual(sha1(first), second)) return undefined;
  return isHash ? { firstHash: first } : { text: stored, firstHash: first };
}

/** The first proof of caching_sha2_password: enough where the server has the password in its cache. */
export function cachingSha2Proof(secret: Secret, scramble: Buffer): Buffer {
  if (!secret.text) return Buffer.alloc(0);
  const first = sha256(Buffer.from(secret.text, 'utf8'));
  return xor(first, sha256(sha256(first), scramble));
}

/** The whole password for caching_sha2_password, encrypted with the server's public key (no TLS in the lab). */
export function cachingSha2Encrypted(secret: Secret, scramble: Buffer, publicKeyPem: Buffer): Buffer {
  const plain = xor(Buffer.from(`${secret.text ?? ''}\0`, 'utf8'), scramble);
  return publicEncrypt({ key: publicKeyPem, padding: constants.RSA_PKCS1_OAEP_PADDING }, plain);
}
