import type { WaveOrgStatus, WavePlan, WaveStatus } from '../service/waveStatus.ts';
import { ms, table } from './text.ts';

/** One wave on one line. */
export function waveLine({ id, name, state, orgs, progress, reason, waits }: WaveStatus): string {
  const why = reason === null ? '' : ` (${reason.code}: ${reason.message})`;
  const waiting = waits.length === 0 ? '' : `, waits for ${waits.map(({ message }) => message).join('; ')}`;
  return `wave ${id} "${name}": ${state}${why}, ${progress.moved} of ${orgs} orgs moved${waiting}\n`;
}

export function waveListText(waves: readonly WaveStatus[]): string {
  if (waves.length === 0) return 'no waves\n';
  return table(
    ['ID', 'NAME', 'STATE', 'MOVED', 'ORGS', 'STUCK', 'WENT BACK', 'MOVED BY', 'WAITS FOR'],
    waves.map(({ id, name, state, progress, orgs, standings, reason, waits }) => [
      id,
      name,
      state,
      String(progress.moved),
      String(orgs),
      String((standings.stuck ?? 0) + (standings.refused ?? 0)),
      String((standings.goingBack ?? 0) + (standings.rolledBack ?? 0)),
      progress.movedAt ?? '',
      reason?.code ?? waits[0]?.message ?? '',
    ]),
  );
}

const headOf = ['#', 'ORG', '', 'HOME REGION', 'ROWS', 'IS'];

/** What an org is in its wave, under `headOf`. */
function cellsOf(
  org: Pick<WaveOrgStatus, 'position' | 'orgId' | 'canary' | 'homeRegion' | 'rows' | 'standing'>,
): string[] {
  const { position, orgId, canary, homeRegion, rows, standing } = org;
  return [String(position), String(orgId), canary ? 'canary' : '', homeRegion, String(rows), standing];
}

export function waveText({ orgList, ...wave }: WaveStatus & { readonly orgList: readonly WaveOrgStatus[] }): string {
  const { id, name, state, since, approval, reason, waits, orgs, progress, troubles, standings } = wave;
  const approved = approval.needed ? (approval.by ?? 'not yet') : 'not needed';
  const counted = Object.entries(standings).filter(([, count]) => count > 0);
  const facts: [string, string | null][] = [
    ['wave', `${id} "${name}"`],
    ['state', `${state} since ${since}`],
    ['reason', reason === null ? null : `${reason.code}: ${reason.message}`],
    ['remedy', reason?.remedy ?? null],
    ['made by', wave.createdBy],
    ['started by', wave.startedBy],
    ['approved by', approved],
    ['allowed', wave.allowed.join(', ') || 'nothing'],
    ['orgs', `${orgs}: ${counted.map(([standing, count]) => `${count} ${standing}`).join(', ')}`],
    ['moved', `${progress.moved} (${progress.percent} %), all by ${progress.movedAt ?? '?'}`],
    ...waits.map(({ message }): [string, string] => ['waits for', message]),
    [
      'troubles',
      `${troubles.wentBack.length} went back, ${troubles.stuck.length} need a person, ${troubles.aborts} tries ended early, longest pause ${ms(troubles.longestPauseMs)}`,
    ],
  ];
  const rows = orgList.map((org) => [
    ...cellsOf(org),
    org.state ?? '',
    org.migrationId ?? '',
    org.refusal?.code ?? org.reason ?? '',
  ]);
  return [
    ...facts.flatMap(([label, value]) => (value === null ? [] : [`${label.padEnd(13)} ${value}\n`])),
    '\n',
    table([...headOf, 'STATE', 'MIGRATION', 'WHY'], rows),
  ].join('');
}

export function wavePlanText(plan: WavePlan): string {
  const rows = plan.orgs.map((org) => [...cellsOf(org), org.startsAt ?? '', org.flipsAt ?? '', org.completesAt ?? '']);
  const lines = [
    `wave ${plan.id}, from ${plan.state} on; nothing has been changed`,
    '',
    table([...headOf, 'STARTS', 'FLIPS', 'COMPLETES'], rows),
    `every org on its cluster by ${plan.movedAt ?? '?'}, completed by ${plan.endsAt ?? '?'}`,
    `load          at most ${plan.load.loadingAtOnce} orgs at once, ${Math.round(plan.load.rowsPerSecond)} rows/s; ${plan.load.rows} rows in all`,
    ...plan.tasks.map(({ homeRegions, atOnce }) => `tasks         at most ${atOnce} for ${homeRegions}`),
    ...plan.quotas.map(
      ({ where, used, max, needed, fits }) =>
        `quota         ${where}: ${used} of ${max} used, ${needed} more at most${fits ? '' : ': DOES NOT FIT'}`,
    ),
    ...plan.windows.map(
      ({ window, open, until }) => `window        ${window}: ${open ? 'open until' : 'opens'} ${until ?? 'never'}`,
    ),
    ...(plan.standsStill === null ? [] : [`stands still  ${plan.standsStill}`]),
    ...plan.assumptions.map((each) => `assumed       ${each}`),
    ...plan.unknown.map((each) => `not known     ${each}`),
  ];
  return `${lines.join('\n')}\n`;
}
