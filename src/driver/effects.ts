import type { EffectName, Failure } from '../../statecharts/effects.ts';
import { isTransient, messageOf } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import { failureFrom } from './failure.ts';
import type { EffectHandlers, EffectRun } from './handlers.ts';
import type { Logger } from './logger.ts';
import { cannotBeGivenUp, effectBackoff, everyFailureCounts, hasNewerOwner } from './patience.ts';

export interface EffectDeps {
  readonly handlers: EffectHandlers;
  readonly clock: Clock;
  log(): Logger;
  /** What a handler is given, as the migration is now. */
  effectRun(signal: AbortSignal): EffectRun;
  note(message: string, data: Record<string, unknown>): void;
  waitsFor(what: string): void;
  /** Somebody else owns the migration. */
  lost(error: unknown): void;
  /** An effect has ended; `current` says whether its result is still wanted when its turn comes. */
  ended(type: string, current: () => boolean, payload: { output?: unknown; failure?: Failure }): void;
}

/** Runs the effects that the machine wants; what it wants no more is ended, and its result is nobody's. */
export class Effects {
  readonly #deps: EffectDeps;
  readonly #running = new Map<EffectName, AbortController>();

  constructor(deps: EffectDeps) {
    this.#deps = deps;
  }

  names(): Iterable<EffectName> {
    return this.#running.keys();
  }

  run(effect: EffectName): void {
    const running = new AbortController();
    this.#running.get(effect)?.abort(new Error('asked for again'));
    this.#running.set(effect, running);
    const current = () => this.#running.get(effect) === running;
    void this.#untilEnded(effect, running.signal).then(
      (output) => this.#deps.ended(`${effect}.done`, current, { output }),
      (error) => {
        if (!current() || running.signal.aborted) return;
        if (hasNewerOwner(error)) {
          this.#deps.lost(error);
          return;
        }
        this.#deps.log().warn({ effect, err: error }, 'effect failed');
        this.#deps.ended(`${effect}.failed`, current, { failure: failureFrom(error) });
      },
    );
  }

  drop(effect: EffectName): void {
    this.#running.get(effect)?.abort(new Error(`${effect} is not wanted any more`));
    this.#running.delete(effect);
  }

  abort(reason: unknown): void {
    for (const running of this.#running.values()) running.abort(reason);
  }

  clear(): void {
    this.#running.clear();
  }

  /** A transient failure is met again until it passes; inside a flip time is short, and every failure counts. */
  async #untilEnded(effect: EffectName, signal: AbortSignal): Promise<unknown> {
    const { handlers, clock } = this.#deps;
    for (let tried = 0; ; tried++) {
      try {
        return await handlers[effect](this.#deps.effectRun(signal));
      } catch (error) {
        if (signal.aborted || hasNewerOwner(error)) throw error;
        const again = cannotBeGivenUp(effect) || (isTransient(error) && !everyFailureCounts(effect));
        if (!again) throw error;
        if (tried === 0) this.#deps.note(`${effect} waits: ${messageOf(error)}`, { failure: failureFrom(error) });
        this.#deps.waitsFor(messageOf(error));
        await clock.sleep(effectBackoff(tried, effect), signal);
      }
    }
  }
}
