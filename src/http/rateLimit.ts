import rateLimit from '@fastify/rate-limit';
import { RateLimitedError } from '../errors/http.ts';
import type { App } from './types.ts';

/** How often one token may ask: so many requests in so long (milliseconds). Each controller counts for itself. */
export interface RateLimit {
  readonly requests: number;
  readonly windowMs: number;
}

/** Enough for a thousand that share a token and poll every half second; a script that has run wild meets it. */
export const rateLimitDefault: RateLimit = { requests: 10_000, windowMs: 5_000 };

/** Tokens that are kept count of. */
const tokensAtMost = 10_000;

/** Limits every route of the scope that is made behind this, by token. Health stands outside. */
export async function limitRates(scope: App, { requests, windowMs }: RateLimit): Promise<void> {
  await scope.register(rateLimit, {
    max: requests,
    timeWindow: windowMs,
    cache: tokensAtMost,
    // Behind the check of the token: nobody spends another one's share.
    hook: 'preParsing',
    keyGenerator: ({ actor, ip }) => (actor === null ? ip : `${actor.role} ${actor.name}`),
    // What is left is told to who has used it up: the others ask a thousand times a second and do not read it.
    addHeadersOnExceeding: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
    errorResponseBuilder: (_request, { max, ttl }) => new RateLimitedError(max, ttl),
  });
}
