import { hash } from 'node:crypto';
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
  // The first of two with the same token counts.
  const known = new Map(tokens.toReversed().map((token) => [token.sha256.toLowerCase(), token]));
  return (given) => {
    // The time of a look-up tells of digests alone, and nobody can find a token for one. This is done for every request:
    // a digest as text costs a tenth of one as bytes, let alone of comparing those one by one.
    const named = known.get(hash('sha256', given, 'hex')) ?? null;
    return named !== null || readJwt === null || !looksLikeJwt(given) ? named : readJwt(given);
  };
}
