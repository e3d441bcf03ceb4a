import { ProxyUnavailableError } from '../errors/index.ts';
import type { FleetProxy } from '../ports/routing.ts';

/**
 * A member that this controller's configuration does not name: as good as silent. Nothing is held without it, and what
 * it may still route is not forgotten.
 */
export function absentProxy(name: string): FleetProxy {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new ProxyUnavailableError(
        name,
        'reaching it',
        new Error('a member of the fleet that the configuration does not name'),
      ),
    );
  return {
    name,
    ping: refuse,
    inspect: refuse,
    findings: refuse,
    prepare: refuse,
    assertClean: refuse,
    readRoute: refuse,
    publishedRoute: refuse,
    setRoute: refuse,
    openHold: refuse,
    blockingSessions: refuse,
    waiting: refuse,
    clientErrors: refuse,
    traffic: refuse,
    orgStatements: refuse,
    retireHold: refuse,
    facts: refuse,
    picture: refuse,
    adopt: refuse,
    routes: refuse,
    held: refuse,
    readers: refuse,
    destination: refuse,
    servers: refuse,
    strayStatements: refuse,
    statementsOf: refuse,
    lookAtStatements: refuse,
    transactionsBegun: refuse,
    sharings: refuse,
    needOwnRules: refuse,
    share: refuse,
    settle: refuse,
    audit: refuse,
    mend: refuse,
    close: () => {},
  };
}
