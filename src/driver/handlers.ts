import type { MigrationContext } from '../../statecharts/context.ts';
import type { EffectName, EffectOutputs } from '../../statecharts/effects.ts';

/** What a running effect is given. It ends when `signal` does; what it does has to bear being done again. */
export interface EffectRun {
  /** The machine's context when the effect was asked for. */
  readonly migration: MigrationContext;
  /** Fencing number of this owner. */
  readonly epoch: number;
  /** Ends when the machine no longer wants the effect, or this controller lets go of the migration. */
  readonly signal: AbortSignal;
  /** Ends only when this controller lets go of the migration: for work that outlives the effect. */
  readonly ownership: AbortSignal;
  /** Adds a line to the timeline. Never throws: a note that cannot be stored is logged. */
  note(message: string, data?: Record<string, unknown>): void;
  /** Says in the status what is being waited for; null takes it back. */
  waitsFor(what: string | null): void;
}

/** One handler for each effect. A throw is the effect's failure; transient ones are tried again by the runner. */
export type EffectHandlers = { readonly [E in EffectName]: (run: EffectRun) => Promise<EffectOutputs[E]> };
