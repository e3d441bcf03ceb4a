import type { FreezeStatus, OperationsService } from '../../service/operations.ts';
import type { MigrationService, MigrationStatus, TimelineEvent } from '../../service/status.ts';

/** What the page of one org shows, at one moment. */
export interface OrgSight {
  readonly status: MigrationStatus;
  readonly freeze: FreezeStatus;
  /** The last events of the timeline, in order. */
  readonly recent: readonly TimelineEvent[];
}

const pageSize = 200;
/** Events kept for watchers that are a little behind. */
const recentKept = 500;

/** Looks at one migration; `before` has the events up to the last look. */
export async function lookAtOne(
  service: Pick<MigrationService, 'get' | 'events'>,
  operations: Pick<OperationsService, 'freezeStatus'>,
  id: string,
  before: Pick<OrgSight, 'recent'>,
): Promise<OrgSight> {
  const [status, freeze, events] = await Promise.all([
    service.get(id),
    operations.freezeStatus(),
    eventsAfter(service, id, before.recent.at(-1)?.seq ?? 0),
  ]);
  return { status, freeze, recent: [...before.recent, ...events].slice(-recentKept) };
}

/** All events behind a number, page by page. */
export async function eventsAfter(
  service: Pick<MigrationService, 'events'>,
  id: string,
  after: number,
): Promise<TimelineEvent[]> {
  const all: TimelineEvent[] = [];
  for (;;) {
    const page = await service.events(id, { after: all.at(-1)?.seq ?? after, limit: pageSize });
    all.push(...page);
    if (page.length < pageSize) return all;
  }
}

/** What a watcher has not had, where the events kept reach back that far; null where it has to ask. */
export function missedOf({ recent }: OrgSight, after: number): readonly TimelineEvent[] | null {
  const first = recent[0];
  if (first === undefined || first.seq <= after + 1 || recent.length < recentKept) {
    return recent.filter(({ seq }) => seq > after);
  }
  return null;
}

/** Whether there is anything new to show. Ages alone are not: whoever has the time can tell them. */
export function isSameOrg(before: OrgSight, now: OrgSight): boolean {
  return textOf(before) === textOf(now);
}

function textOf({ status, freeze, recent }: OrgSight): string {
  return JSON.stringify([status, freeze, recent.at(-1)?.seq], (key, value: unknown) =>
    key === 'ageMs' || key === 'lagAgeMs' ? null : value,
  );
}
