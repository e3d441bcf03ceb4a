import { policyDefaults } from '../../src/config/index.ts';
import { judge } from '../../src/diagnosis/contradictions.ts';
import type { Diagnosis } from '../../src/diagnosis/diagnose.ts';
import type { Journal } from '../../src/diagnosis/journal.ts';
import type { Observed } from '../../src/diagnosis/observed.ts';
import type { PlaceReality, Reality } from '../../src/diagnosis/reality.ts';
import type { FenceWriter } from '../../src/ports/place.ts';
import type { OrgTask } from '../../src/ports/replication.ts';
import type { Route } from '../../src/ports/routing.ts';
import type { AttemptRow, MigrationRow } from '../../src/ports/store.ts';
import { initialContext, type MigrationContext } from '../../statecharts/context.ts';

// An org as journal and reality show it, in few words.

export const orgId = 42;
export const homeRegion = 'eu-west-2';

export const seen = <T>(value: T): Observed<T> => ({ seen: true, value });
export const silent: Observed<never> = { seen: false, code: 'PLACE_UNAVAILABLE', message: 'it does not answer' };

export function place(name: string, writer: FenceWriter | null, changes: Partial<PlaceReality> = {}): PlaceReality {
  const region = name.startsWith('lon') ? null : name === 'other' ? 'us-east-1' : homeRegion;
  const kind = region === null ? 'site' : 'cluster';
  return {
    name,
    kind,
    homeRegion: region,
    identity: seen({ kind, name, homeRegion: region }),
    readOnly: seen(false),
    fence: seen(writer === null ? null : { writer, epoch: 3 }),
    heartbeats: seen([]),
    binlog: seen({ file: 'binlog.000001', position: 4, gtid: '' }),
    ...changes,
  };
}

export function proxy(
  name: string,
  kind: Route['kind'] | 'none',
  { epoch = 3, saved = true } = {},
): Reality['proxies'][number] {
  if (kind === 'none') {
    const memory = { comment: null, route: null, epoch: 0, attempt: 0 };
    return { name, route: seen({ memory, runtime: null, disk: null, slot: null }) };
  }
  const route: Route =
    kind === 'held' || kind === 'parked' ? { kind, serving: 'source', holdHostgroup: 500_001 } : { kind };
  const comment = `bigdb-cutover org=42 epoch=${epoch} attempt=1 step=x state=${kind}`;
  return {
    name,
    route: seen({
      memory: { comment, route, epoch, attempt: 1 },
      runtime: kind === 'source' ? null : route,
      disk: saved ? comment : null,
      slot: 1,
    }),
  };
}

export function task(direction: 'forward' | 'reverse', changes: Partial<OrgTask> = {}): OrgTask {
  return {
    id: `bigdb-org42-${direction}-g1`,
    direction,
    generation: 1,
    status: 'running',
    stopReason: null,
    ...changes,
  };
}

export interface Picture {
  readonly state: string;
  readonly context?: Partial<MigrationContext>;
  readonly attempt?: Partial<AttemptRow>;
  readonly sites?: FenceWriter;
  readonly cluster?: FenceWriter;
  readonly routes?: Route['kind'] | 'none';
  readonly tasks?: readonly OrgTask[];
  readonly ended?: boolean;
  readonly ownerAlive?: boolean;
  /** The last word on what is found. */
  readonly spoil?: (reality: Reality) => Reality;
  readonly journal?: Observed<Journal>;
}

export function diagnosisOf(picture: Picture): Diagnosis {
  const context: MigrationContext = {
    ...initialContext({
      migrationId: 'm-1',
      orgId,
      homeRegion,
      policy: policyDefaults,
      generationBefore: 0,
      attemptBefore: 0,
    }),
    generation: 1,
    attempt: picture.attempt === undefined ? 0 : 1,
    ...picture.context,
  };
  const migration: MigrationRow = {
    id: 'm-1',
    orgId,
    homeRegion,
    state: picture.state,
    sinceMs: 0,
    createdAtMs: 0,
    ended: picture.ended ?? false,
    journal: { version: 1, value: picture.state, context, asked: [], deadlines: {} },
    revision: 1,
    epoch: 3,
    waveId: null,
    owner: 'controller-1',
  };
  const attempt: AttemptRow | null =
    picture.attempt === undefined
      ? null
      : {
          migrationId: 'm-1',
          attempt: 1,
          epoch: 3,
          direction: 'forward',
          holdHostgroup: 500_001,
          decision: null,
          pinned: null,
          ...picture.attempt,
        };
  const journal = picture.journal ?? seen({ migration, attempt, ownerAlive: picture.ownerAlive ?? true });
  const found: Reality = {
    orgId,
    homeRegion: seen(homeRegion),
    places: [
      place('lon1', picture.sites ?? 'clients'),
      place('lon2', picture.sites ?? 'clients'),
      place('aurora', picture.cluster ?? 'forward'),
      place('other', 'forward'),
    ],
    proxies: ['p1', 'p2'].map((name) => proxy(name, picture.routes ?? 'source')),
    regions: [
      { homeRegion, tasks: seen(picture.tasks ?? []) },
      { homeRegion: 'us-east-1', tasks: seen([]) },
    ],
  };
  const reality = picture.spoil?.(found) ?? found;
  return { orgId, journal, reality, ...judge(journal, reality) };
}
