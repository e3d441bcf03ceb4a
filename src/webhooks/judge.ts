import type { Delivery, TryOutcome } from '../ports/webhooks.ts';
import type { Answer } from './send.ts';

/** Rest after the first failure and longest rest (milliseconds): it doubles with every try. */
const firstRestMs = 1_000;
const longestRestMs = 300_000;

/** What becomes of a delivery after an answer. A receiver may ask for a longer rest, up to the longest. */
export function judge(
  { tries, ageMs }: Pick<Delivery, 'tries' | 'ageMs'>,
  { kind, text, restMs }: Answer,
  giveUpAfterMs: number,
): TryOutcome {
  if (kind === 'taken') return { outcome: 'delivered', answer: text, againInMs: 0 };
  const againInMs = Math.min(longestRestMs, Math.max(restMs, firstRestMs * 2 ** Math.min(tries, 20)));
  const givenUp = kind === 'gone' || ageMs + againInMs > giveUpAfterMs;
  return { outcome: givenUp ? 'givenUp' : 'failed', answer: text, againInMs };
}
