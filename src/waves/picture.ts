import type { Clock } from '../ports/clock.ts';
import type { OperationsStore } from '../ports/operations.ts';
import type { Store } from '../ports/store.ts';
import type { WaveRow, WaveStore } from '../ports/waves.ts';
import type { InstanceOf } from './load.ts';
import type { Situation, WaveView } from './schedule.ts';
import type { Limits } from './settings.ts';
import { type OrgView, viewOf } from './standing.ts';

export interface PictureDeps {
  readonly store: Pick<Store, 'census'> & Pick<OperationsStore, 'frozen'> & WaveStore;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly instanceOf: InstanceOf;
  /** As in the controller's configuration (milliseconds); only counts of living controllers depend on it. */
  readonly leaseMs: number;
}

/** A wave as the store has it, with its orgs. */
export interface WavePicture extends WaveView, Omit<WaveRow, 'orgs' | 'document'> {
  readonly document: WaveRow['document'];
}

/** Everything that waves are decided from, at one moment. */
export interface Picture extends Situation {
  readonly waves: readonly WavePicture[];
}

/** More waves than are open at once. */
const wavesAtMost = 1_000;

/** A wave with its orgs. The orgs are read before the moves: an org may be further than it looks, never less far. */
export async function readWave(store: WaveStore, row: WaveRow): Promise<WavePicture> {
  const orgs = await store.waveOrgs(row.id);
  const moves = new Map((await store.waveMoves(row.id)).map((move) => [move.orgId, move]));
  const views = orgs.map((org): OrgView => viewOf(org, moves.get(org.orgId) ?? null));
  return { ...row, orgs: views };
}

/** Waves that have not ended, and what is under way; null without such a wave: then nothing else is asked. */
export async function readPicture({ store, clock, limits, instanceOf, leaseMs }: PictureDeps): Promise<Picture | null> {
  const rows = await store.listWaves({ ended: false, limit: wavesAtMost });
  if (rows.length === 0) return null;
  const waves: WavePicture[] = [];
  for (const row of rows) waves.push(await readWave(store, row));
  const [{ active }, frozen] = await Promise.all([store.census(leaseMs), store.frozen()]);
  return { nowMs: clock.nowMs(), frozen, limits, instanceOf, moves: active, waves };
}
