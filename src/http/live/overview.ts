import { z } from 'zod';
import { freezeSchema, type OperationsService } from '../../service/operations.ts';
import { type MigrationService, type MigrationStatus, migrationStatusSchema } from '../../service/status.ts';

const whole = migrationStatusSchema.shape;

/** What a list shows of a migration: little enough for thousands of them. */
export const overviewRowSchema = z.object({
  id: whole.id,
  orgId: whole.orgId,
  homeRegion: whole.homeRegion,
  state: whole.state,
  since: whole.since,
  outcome: whole.outcome,
  serving: whole.serving,
  waitsFor: whole.waitsFor,
  notice: whole.notice,
  reason: z.object({ code: z.string(), message: z.string() }).nullable(),
  allowed: whole.allowed,
  pauseRequested: whole.pauseRequested,
  percent: z.number(),
  etaMs: z.number().nullable(),
  forwardMs: z.number().nullable().describe('Lag in two significant digits'),
  reverseMs: z.number().nullable(),
  writePauseMs: z.number().nullable().describe('Of the last attempt'),
  verification: z.enum(['equal', 'different', 'missing']).nullable(),
  owner: whole.owner,
});
export type OverviewRow = z.infer<typeof overviewRowSchema>;

/** All migrations in short, and whether anything may start. */
export const overviewSchema = z.object({ items: z.array(overviewRowSchema), freeze: freezeSchema });
export type Overview = z.infer<typeof overviewSchema>;

/** What changed: of a row that was there its id and what is new in it, a new row whole. */
export interface OverviewChange {
  readonly changed: readonly (Pick<OverviewRow, 'id'> & Partial<OverviewRow>)[];
  readonly gone: readonly string[];
}

export function rowOf(status: MigrationStatus): OverviewRow {
  const { progress, lag, attempts, reason } = status;
  return {
    id: status.id,
    orgId: status.orgId,
    homeRegion: status.homeRegion,
    state: status.state,
    since: status.since,
    outcome: status.outcome,
    serving: status.serving,
    waitsFor: status.waitsFor,
    notice: status.notice,
    reason: reason === null ? null : { code: reason.code, message: reason.message },
    allowed: status.allowed,
    pauseRequested: status.pauseRequested,
    percent: progress.percent,
    etaMs: roughly(progress.etaMs),
    forwardMs: roughly(lag.forwardMs),
    reverseMs: roughly(lag.reverseMs),
    writePauseMs: attempts.at(-1)?.writePauseMs ?? null,
    verification: status.verification?.outcome ?? null,
    owner: status.owner,
  };
}

/** Two significant digits: a list that changes in the third one with every beat would be read by nobody. */
function roughly(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(2));
}

export function changeBetween(before: readonly OverviewRow[], now: readonly OverviewRow[]): OverviewChange {
  const old = new Map(before.map((row) => [row.id, row]));
  const changed = now.flatMap((row) => {
    const last = old.get(row.id);
    old.delete(row.id);
    if (last === undefined) return [row];
    const parts = Object.entries(row).filter(
      ([key, value]) => JSON.stringify(value) !== JSON.stringify(last[key as keyof OverviewRow]),
    );
    return parts.length === 0 ? [] : [{ id: row.id, ...Object.fromEntries(parts) }];
  });
  return { changed, gone: [...old.keys()] };
}

/** What one look keeps for the next: what has ended is not looked at again. */
export interface OverviewSight extends Overview {
  readonly ended: ReadonlyMap<string, MigrationStatus>;
}

const pageSize = 500;

/** Reads all migrations. */
export async function lookAtAll(
  service: Pick<MigrationService, 'list'>,
  operations: Pick<OperationsService, 'freezeStatus'>,
  before: OverviewSight | null,
): Promise<OverviewSight> {
  const freeze = await operations.freezeStatus();
  const all: MigrationStatus[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<MigrationService['list']>> = await service.list({
      limit: pageSize,
      ...(cursor === null ? {} : { cursor }),
      ...(before === null ? {} : { known: before.ended }),
    });
    all.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  // One that has ended and still waits, for a proxy that is silent, changes without a new version.
  const ended = all.filter(({ outcome, waitsFor }) => outcome !== null && waitsFor === null);
  return { items: all.map(rowOf), freeze, ended: new Map(ended.map((status) => [status.id, status])) };
}
