import { hostname, userInfo } from 'node:os';
import type { Config } from '../config/index.ts';
import { TokenRefusedError } from '../errors/http.ts';
import { SecondPersonError, SecondTokenError } from '../errors/service.ts';
import { assertRole } from '../http/auth.ts';
import { type Identity, jwtReader } from '../http/jwt.ts';
import { tokenReader } from '../http/tokens.ts';

/** Tokens of who gives a command that needs no controller: the same that the API takes. */
export interface Tokens {
  readonly own: string;
  /** Another person's, where nobody knows who started anything. */
  readonly second: string | null;
}

/** Who answers for a command. */
export interface Persons {
  readonly approver: Identity;
  readonly second: Identity | null;
}

/**
 * Four eyes without a controller: an approver who is none of the starters. Where there are none, or the store does not
 * say (null), a second person has to stand by with a token of theirs. Throws `SecondPersonError`, `SecondTokenError`,
 * `TokenRefusedError`, `RoleTooLowError`.
 */
export async function personsFor(
  command: string,
  { tokens, jwt }: Pick<Config, 'tokens' | 'jwt'>,
  { own, second }: Tokens,
  starters: readonly string[] | null,
): Promise<Persons> {
  const read = tokenReader(tokens, jwt === undefined ? null : jwtReader(jwt));
  const personOf = async (token: string): Promise<Identity> => {
    const person = await read(token);
    if (person === null) throw new TokenRefusedError('it is not known here');
    return person;
  };
  const approver = await personOf(own);
  assertRole(approver.role, 'approver');
  if (starters !== null && starters.length > 0) {
    if (starters.includes(approver.name)) throw new SecondPersonError(command, approver.name);
    return { approver, second: null };
  }
  if (second === null) throw new SecondTokenError(command, approver.name);
  const other = await personOf(second);
  assertRole(other.role, 'operator');
  if (other.name === approver.name) throw new SecondTokenError(command, approver.name);
  return { approver, second: other };
}

/** Where a command came from that came through no API: who was logged in, and where. */
export function fromHere(): string {
  return `${userInfo().username}@${hostname()}`;
}
