import { z } from 'zod';
import type { Logger } from '../driver/logger.ts';
import { CutoverError, messageOf } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { ClientErrors, Routing } from '../ports/routing.ts';
import { SharedReading } from './shared.ts';

/** The fleet is asked this often, however many orgs soak (milliseconds). */
export const errorsReadEveryMs = 2_000;

/** What the proxies that answered have counted, at one moment. */
export interface FleetErrors {
  /** Monotonic milliseconds. */
  readonly atMs: number;
  readonly byProxy: ReadonlyMap<string, ClientErrors>;
}

/** Errors of one org, or of its cluster, as each proxy has counted them since it started. */
export const errorCountsSchema = z.record(z.string(), z.number());
export type ErrorCounts = Readonly<z.output<typeof errorCountsSchema>>;

/** The fleet's counts of errors, read once for all orgs. A proxy that does not answer is left out. */
export function fleetErrors(
  routing: Pick<Routing, 'proxies'>,
  clock: Clock,
  logger: Pick<Logger, 'debug'>,
): SharedReading<FleetErrors> {
  return new SharedReading(clock, errorsReadEveryMs / 2, async () => {
    const byProxy = new Map<string, ClientErrors>();
    await Promise.all(
      routing.proxies.map(async (proxy) => {
        try {
          byProxy.set(proxy.name, await proxy.clientErrors());
        } catch (error) {
          if (!(error instanceof CutoverError)) throw error;
          logger.debug({ proxy: proxy.name, err: messageOf(error) }, 'errors of clients could not be read');
        }
      }),
    );
    return { atMs: clock.monotonicMs(), byProxy };
  });
}

/** One org's share of a reading; its cluster's where proxies cannot tell orgs apart. */
export function countsOf({ byProxy }: FleetErrors, org: Parameters<ClientErrors>[0]): ErrorCounts {
  return Object.fromEntries([...byProxy].map(([proxy, errors]) => [proxy, errors(org)]));
}

/**
 * Errors between two readings, over the proxies that are in both; null where none is. A count that fell was begun anew
 * (a restart, somebody's reset of the statistics): what it shows came since then.
 */
export function errorsBetween(before: ErrorCounts, after: ErrorCounts): number | null {
  const both = Object.keys(after).filter((proxy) => before[proxy] !== undefined);
  if (both.length === 0) return null;
  return both.reduce((sum, proxy) => {
    const [from, to] = [before[proxy] ?? 0, after[proxy] ?? 0];
    return sum + (to >= from ? to - from : to);
  }, 0);
}

/** Errors a minute. */
export function perMinute(errors: number, elapsedMs: number): number {
  return elapsedMs <= 0 ? 0 : (errors * 60_000) / elapsedMs;
}
