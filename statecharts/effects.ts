/**
 * The work that the machine asks for and never does. Each effect ends in one event, `<name>.done` with its output or
 * `<name>.failed` with the reason; what it does is the driver's business.
 */

/** A failure as the machine sees it; `code` is stable. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** What each effect answers with. */
export interface EffectOutputs {
  /** Looks at everything, changes nothing. */
  preflight: { readonly refusals: number; readonly homeRegion: string };
  /** Records positions, fingerprints, counts; makes the fence and heartbeat rows. */
  snapshot: { readonly largestLobBytes: number };
  /** Removes what an earlier try left: task first, then the org's rows at the target. */
  'replication.reset': Record<string, never>;
  'replication.create': Record<string, never>;
  'replication.fullLoad': Record<string, never>;
  /** Waits until heartbeats of every site arrive at the target. */
  'replication.catchUp': Record<string, never>;
  /** Lag under the gate N times in a row, tables healthy, counts agree. */
  'lag.check': { readonly lagMs: number };
  /** Never done; fails when the gate is broken while the org waits. */
  'lag.watch': Record<string, never>;
  /** All that can be done and asked before the hold. */
  'flip.prepare': Record<string, never>;
  'flip.hold': Record<string, never>;
  'flip.drain': Record<string, never>;
  'flip.fence': Record<string, never>;
  'flip.marker': Record<string, never>;
  'flip.pin': Record<string, never>;
  'flip.park': Record<string, never>;
  /** The decision of the attempt, as it stands in the store. */
  'flip.commit': { readonly decision: 'commit' | 'abort' };
  'flip.release': Record<string, never>;
  'flip.abort': Record<string, never>;
  /** Recovery: writes `abort` if nothing was decided, answers with what stands. */
  'flip.decide': { readonly decision: 'commit' | 'abort' };
  /** After release: old task gone, new task started at the pinned position, hold hostgroups retired. */
  'flip.settle': Record<string, never>;
  verify: { readonly outcome: 'equal' | 'different'; readonly mismatches: number };
  /** Never done; fails when the org must not stay on the cluster, though the comparison still runs. */
  'verify.watch': Record<string, never>;
  /** Waits until the schema is the one that was accepted. */
  'schema.watch': Record<string, never>;
  /** Never done; fails when the org must not stay on the cluster. */
  'soak.watch': Record<string, never>;
  /** Waits until the reverse task is in step. */
  'reverse.catchUp': { readonly lagMs: number };
  /** Writes the rows that have not travelled back into a file; nothing is held. */
  'loss.export': Record<string, never>;
  /** Deletes the org's tasks: nothing late is applied at the sites any more. */
  'loss.detach': Record<string, never>;
  /** Writes the rows that were left behind into a file, exactly, and proves that the file has them all. */
  'loss.exportLast': Record<string, never>;
  complete: Record<string, never>;
  /** Tasks gone, then the org's heartbeats and rows at the target. */
  'clean.up': Record<string, never>;
}

export type EffectName = keyof EffectOutputs;

/** The event with which an effect ends well or badly. */
export type EffectEvent = {
  [E in EffectName]:
    | { readonly type: `${E}.done`; readonly output: EffectOutputs[E] }
    | { readonly type: `${E}.failed`; readonly failure: Failure };
}[EffectName];

/** Deadlines are data: the driver stores when they are due and sends `deadline.<name>`. */
export type DeadlineName = 'flip' | 'backoff' | 'soak';
