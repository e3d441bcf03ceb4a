import type { WaveDocument, WaveRow, WaveState } from '../ports/waves.ts';
import type { Reason } from '../service/status.ts';

export const finalStates: ReadonlySet<WaveState> = new Set(['completed', 'cancelled', 'rolledBack']);

/** Entries of a wave's history that are kept. */
const historyAtMost = 100;

/** The wave as it is to be written after something happened to it. */
export function changed(
  { state: before, sinceMs, document }: Pick<WaveRow, 'state' | 'sinceMs' | 'document'>,
  change: {
    readonly state: WaveState;
    readonly reason: Reason | null;
    readonly atMs: number;
    readonly message: string;
    readonly ended: boolean;
    readonly document?: Partial<WaveDocument>;
  },
): Pick<WaveRow, 'state' | 'sinceMs' | 'ended' | 'document'> {
  const { state, atMs, message, ended, reason } = change;
  const history = [...document.history, { atMs, message }].slice(-historyAtMost);
  return {
    state,
    sinceMs: state === before ? sinceMs : atMs,
    ended,
    document: { ...document, ...change.document, reason, history },
  };
}
