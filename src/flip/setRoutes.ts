import { FlipNotReadyError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { Route } from '../ports/routing.ts';
import type { FlipAttempt } from './attempt.ts';

/** Changes the org's route on all proxies in parallel, each from the comment that the last step left there. */
export async function setRoutes(
  estate: Estate,
  attempt: FlipAttempt,
  step: string,
  route: Route,
  signal: AbortSignal,
): Promise<void> {
  const results = await Promise.allSettled(
    estate.routing.proxies.map(async (proxy) => {
      const expected = attempt.comments.get(proxy.name);
      if (expected === undefined) throw new FlipNotReadyError(`proxy ${proxy.name} was not prepared`);
      attempt.comments.set(proxy.name, await proxy.setRoute(attempt.owner, step, route, expected, signal));
    }),
  );
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
