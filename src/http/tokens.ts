import { hash, timingSafeEqual } from 'node:crypto';
import type { Role } from '../config/identity.ts';
import { type Identity, looksLikeJwt } from './jwt.ts';

/** A bearer token that is accepted, known here by its SHA-256 only (64 hexadecimal digits). */
export interface TokenEntry {
  readonly name: string;
  readonly role: Role;
  readonly sha256: string;
}

/** Whose token it is: at once for one of the configuration, null for one that nobody knows. Rejects with a JWT's fault. */
export function tokenReader(
  tokens: readonly TokenEntry[],
  readJwt: ((token: string) => Promise<Identity>) | null,
): (given: string) => Identity | null | Promise<Identity> {
  const known = tokens.map((token) => ({ ...token, digest: Buffer.from(token.sha256, 'hex') }));
  return (given) => {
    const digest = hash('sha256', given, 'buffer');
    // Every entry is compared, so that the time taken tells nothing about which one matched.
    const matching = known.filter(
      (token) => token.digest.length === digest.length && timingSafeEqual(token.digest, digest),
    );
    const named = matching[0] ?? null;
    return named !== null || readJwt === null || !looksLikeJwt(given) ? named : readJwt(given);
  };
}
