import type { EffectHandlers, EffectRun } from '../../src/driver/handlers.ts';
import type { EffectName, EffectOutputs } from '../../statecharts/effects.ts';
import { outputs } from '../statecharts/machine.ts';

/** One time that an effect was run, to be ended by the test. */
export interface Call {
  readonly effect: EffectName;
  readonly instance: string;
  readonly run: EffectRun;
  readonly ended: boolean;
  finish(output?: unknown): void;
  fail(error: unknown): void;
}

/** Answers of effects, in the order of the calls; what is left out runs until the test ends it, or until it is dropped. */
export type Answers = { readonly [E in EffectName]?: (run: EffectRun) => EffectOutputs[E] | Promise<EffectOutputs[E]> };

/** Plain handlers that do nothing but tell the test, and answer what it says. */
export class Script {
  readonly calls: Call[] = [];
  readonly #answers: Map<EffectName, (run: EffectRun) => unknown>;

  constructor(answers: Answers = {}) {
    this.#answers = new Map(Object.entries(answers) as [EffectName, (run: EffectRun) => unknown][]);
  }

  /** From now on; `null` lets the effect run until the test ends it. */
  answer<E extends EffectName>(effect: E, how: ((run: EffectRun) => EffectOutputs[E]) | null): void {
    if (how === null) this.#answers.delete(effect);
    else this.#answers.set(effect, how);
  }

  of(effect: EffectName): readonly Call[] {
    return this.calls.filter((call) => call.effect === effect);
  }

  /** Calls that are under way. */
  open(): readonly Call[] {
    return this.calls.filter((call) => !call.ended && !call.run.signal.aborted);
  }

  handlers(instance: string): EffectHandlers {
    const entries = (Object.keys(outputs) as EffectName[]).map((effect) => [
      effect,
      (run: EffectRun) => this.#call(effect, instance, run),
    ]);
    return Object.fromEntries(entries) as EffectHandlers;
  }

  #call(effect: EffectName, instance: string, run: EffectRun): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    let ended = false;
    const end = (how: () => void) => {
      ended = true;
      how();
    };
    const call: Call = {
      effect,
      instance,
      run,
      get ended() {
        return ended;
      },
      finish: (output = outputs[effect][0]) => end(() => resolve(output)),
      fail: (error) => end(() => reject(error)),
    };
    this.calls.push(call);
    const answer = this.#answers.get(effect);
    if (answer !== undefined) {
      // Not at once: what an effect does takes time.
      setImmediate(async () => {
        try {
          call.finish(await answer(run));
        } catch (error) {
          call.fail(error);
        }
      });
    }
    return promise;
  }
}

/** Every effect that can end well does, with its first answer. */
export function allWell(except: readonly EffectName[] = []): Answers {
  const ending = (Object.keys(outputs) as EffectName[]).filter((effect) => outputs[effect].length > 0);
  return Object.fromEntries(
    ending.filter((effect) => !except.includes(effect)).map((effect) => [effect, () => outputs[effect][0]]),
  ) as Answers;
}
