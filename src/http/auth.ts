import { type Role, roles } from '../config/identity.ts';
import { RoleTooLowError, TokenMissingError, TokenRefusedError } from '../errors/http.ts';
import type { PurgeChange } from '../service/purgeAnswer.ts';
import type { Actor, CommandName } from '../service/status.ts';
import type { WaveCommandName } from '../service/waveStatus.ts';
import type { Identity } from './jwt.ts';
import { type TokenEntry, tokenReader } from './tokens.ts';
import type { App } from './types.ts';

/** The lowest role that may give each command. Rolling back never waits for an approver. */
export const roleOfCommand: Readonly<Record<CommandName, Role>> = {
  start: 'operator',
  pause: 'operator',
  resume: 'operator',
  rollback: 'operator',
  cancel: 'operator',
  retry: 'operator',
  approve: 'approver',
  complete: 'approver',
};

/** The same for waves: whatever stops or takes back waits for nobody. */
export const roleOfWaveCommand: Readonly<Record<WaveCommandName, Role>> = {
  start: 'operator',
  pause: 'operator',
  resume: 'operator',
  approve: 'approver',
  cancel: 'operator',
  rollback: 'operator',
};

/** It costs the databases something, and changes nothing. */
export const roleOfVerify: Role = 'operator';

/** The same: it counts rows, reads shapes and watches the proxies for two seconds. */
export const roleOfPreflight: Role = 'operator';

/** Writes rows at the side that does not serve the org. */
export const roleOfRepairRows: Role = 'approver';

/** Shows customers' data. */
export const roleOfValues: Role = 'approver';

/** What an approver has looked at: rows move on the strength of it. */
export const roleOfSchemaAccept: Role = 'approver';

/** The lowest role that may let go of what does not travel back. */
export const roleOfAcceptedLoss: Role = 'approver';

/** Rows go for good, by the word of an approver who did not start the move; to stop that is for everybody who works on it. */
export const roleOfPurge: Readonly<Record<'order' | PurgeChange, Role>> = {
  order: 'approver',
  pause: 'operator',
  resume: 'approver',
  cancel: 'operator',
};

/** Stopping is for everybody who works on it; going on, and who counts in a flip, are an approver's. */
export const roleOfFreeze: Role = 'operator';
export const roleOfUnfreeze: Role = 'approver';
export const roleOfFleetChange: Role = 'approver';

/** Demands a token, and the role that the route names, from every request of the scope. */
export function requireTokens(
  scope: App,
  tokens: readonly TokenEntry[],
  readJwt: ((token: string) => Promise<Identity>) | null,
): void {
  const read = tokenReader(tokens, readJwt);

  scope.addHook('onRequest', (request, _reply, done) => {
    const letIn = (identity: Identity | null) => {
      if (identity === null) return done(new TokenRefusedError('it is not known here'));
      const needed = request.routeOptions.config.role ?? 'admin';
      if (!mayUse(identity.role, needed)) return done(new RoleTooLowError(identity.role, needed));
      request.actor = { name: identity.name, role: identity.role, from: request.ip };
      done();
    };
    const given = /^Bearer +([\x21-\x7e]{1,4096})$/i.exec(request.headers.authorization ?? '')?.[1];
    if (given === undefined) return done(new TokenMissingError());
    const identity = read(given);
    // At once where it can be: a promise costs every request a turn.
    if (identity instanceof Promise) identity.then(letIn, done);
    else letIn(identity);
  });
}

const mayUse = (role: Role, needed: Role) => roles.indexOf(role) >= roles.indexOf(needed);

/** Throws `RoleTooLowError`. */
export function assertRole(role: Role, needed: Role): void {
  if (!mayUse(role, needed)) throw new RoleTooLowError(role, needed);
}

/** Who asks. A route outside the scope of `requireTokens` has nobody, which is a defect. */
export function actorOf(request: { actor: Actor | null }): Actor {
  if (request.actor === null) throw new TokenMissingError();
  return request.actor;
}
