import type { EffectName } from '../../statecharts/effects.ts';
import { OwnershipLostError, StaleEpochError } from '../errors/index.ts';

/** First and longest wait between two tries of an effect that met a transient failure (milliseconds). */
const retryFirstMs = 250;
const retryLongestMs = 15_000;
/** The same while clients of a held org wait for it. */
const retryHeldMs = 500;

/** Effects that cannot be given up: an org is held until they have ended, so any error is met again. */
const mustEnd: ReadonlySet<EffectName> = new Set(['flip.release', 'flip.abort', 'flip.decide']);

export function cannotBeGivenUp(effect: EffectName): boolean {
  return mustEnd.has(effect);
}

/** Before and inside a hold time is short; what settles afterwards has it. */
export function everyFailureCounts(effect: EffectName): boolean {
  return effect.startsWith('flip.') && effect !== 'flip.settle';
}

export function backoff(tried: number, longestMs = retryLongestMs): number {
  return Math.min(longestMs, retryFirstMs * 2 ** Math.min(tried, 10));
}

export function effectBackoff(tried: number, effect: EffectName): number {
  return backoff(tried, cannotBeGivenUp(effect) ? retryHeldMs : retryLongestMs);
}

/** A store or a place says that the org belongs to somebody else by now. */
export function hasNewerOwner(error: unknown): boolean {
  return error instanceof OwnershipLostError || error instanceof StaleEpochError;
}
