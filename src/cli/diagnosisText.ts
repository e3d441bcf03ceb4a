import { type Contradiction, kindOf } from '../diagnosis/contradictions.ts';
import type { Diagnosis } from '../diagnosis/diagnose.ts';
import type { Observed } from '../diagnosis/observed.ts';
import type { PlaceReality } from '../diagnosis/reality.ts';
import { table } from './text.ts';

/** Journal and reality side by side, and every contradiction. */
export function diagnosisText(diagnosis: Diagnosis): string {
  return [
    journalText(diagnosis),
    proxiesText(diagnosis),
    placesText(diagnosis),
    tasksText(diagnosis),
    contradictionsText(diagnosis.contradictions),
  ].join('\n');
}

function journalText({ orgId, journal, stage, reality }: Diagnosis): string {
  const home = told(reality.homeRegion, (region) => region);
  if (!journal.seen) return `org ${orgId}, home region ${home}\njournal: not readable: ${journal.message}\n`;
  const { migration, attempt, ownerAlive } = journal.value;
  if (migration === null) return `org ${orgId}, home region ${home}\njournal: the org never had a migration\n`;
  const { serving, reason } = migration.journal.context;
  const rows = [
    ['migration', migration.id],
    ['state', `${migration.state} (${stage ?? 'unknown'})`],
    ['served by', serving],
    ['owner', `${migration.owner ?? 'nobody'}${migration.owner === null ? '' : ownerAlive ? ', alive' : ', silent'}`],
    ['epoch', String(migration.epoch)],
    ['asked for', migration.journal.asked.join(', ') || 'nothing'],
    ['reason', reason === null ? '-' : `${reason.code}: ${reason.message}`],
  ];
  if (attempt !== null) {
    const pinned = attempt.pinned === null ? '-' : `${attempt.pinned.file}:${attempt.pinned.position}`;
    rows.push([
      'attempt',
      `${attempt.attempt} ${attempt.direction}, ${attempt.decision ?? 'undecided'}, epoch ${attempt.epoch}, hold ${attempt.holdHostgroup}, pinned ${pinned}`,
    ]);
  }
  return `org ${orgId}, home region ${home}\n${table(['JOURNAL', ''], rows)}`;
}

function proxiesText({ reality, expectation }: Diagnosis): string {
  const expected = expectation?.routes.join(' or ') ?? 'unknown';
  const rows = reality.proxies.map(({ name, route }) =>
    route.seen
      ? [
          name,
          expected,
          kindOf(route.value.runtime),
          route.value.memory.comment ?? 'no rule',
          route.value.disk === route.value.memory.comment ? 'same' : (route.value.disk ?? 'no rule'),
        ]
      : [name, expected, 'NOT SEEN', route.message, ''],
  );
  return table(['PROXY', 'EXPECTED', 'RUNTIME', 'MEMORY', 'DISK'], rows);
}

function placesText({ reality, expectation, journal }: Diagnosis): string {
  const home = journal.seen ? (journal.value.migration?.homeRegion ?? null) : null;
  const expected = (place: PlaceReality) => {
    if (expectation === null) return 'unknown';
    if (place.kind === 'site') return expectation.siteFence.join(' or ');
    return home === null || place.homeRegion === home ? expectation.clusterFence.join(' or ') : 'not clients';
  };
  const rows = reality.places.map((place) => [
    place.name,
    place.homeRegion ?? 'site',
    expected(place),
    told(place.fence, (fence) => (fence === null ? 'no row' : `${fence.writer}, epoch ${fence.epoch}`)),
    told(place.readOnly, (readOnly) => (readOnly ? 'YES' : 'no')),
    told(place.heartbeats, (beats) => beats.map(({ site, seq }) => `${site} ${seq}`).join(', ') || 'none'),
    told(place.binlog, ({ file, position }) => `${file}:${position}`),
  ]);
  return table(['PLACE', 'REGION', 'FENCE EXPECTED', 'FENCE', 'READ-ONLY', 'HEARTBEATS', 'BINLOG'], rows);
}

function tasksText({ reality }: Diagnosis): string {
  const rows = reality.regions.flatMap(({ homeRegion, tasks }) => {
    if (!tasks.seen) return [[homeRegion, 'NOT SEEN', tasks.message]];
    return tasks.value.map((task) => [homeRegion, task.id, [task.status, task.stopReason].filter(Boolean).join(', ')]);
  });
  return rows.length === 0 ? 'no tasks\n' : table(['REGION', 'TASK', 'STATUS'], rows);
}

export function contradictionsText(contradictions: readonly Contradiction[]): string {
  if (contradictions.length === 0) return 'no contradiction\n';
  const rows = contradictions.map(({ severity, code, where, expected, found }) => [
    severity.toUpperCase(),
    code,
    where,
    expected,
    found,
  ]);
  return table(['', 'CONTRADICTION', 'WHERE', 'EXPECTED', 'FOUND'], rows);
}

function told<T>(observed: Observed<T>, text: (value: T) => string): string {
  return observed.seen ? text(observed.value) : `NOT SEEN: ${observed.message}`;
}
