import type { MigrationStatus, PurgeStatus } from '../service/status.ts';

/** Columns as wide as what is in them. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${[header, ...rows].map(line).join('\n')}\n`;
}

/** A line that fits: what has no room is cut off, and seen to be. */
export function cut(line: string, width: number | null): string {
  return width === null || line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}

/** Least that is left of what a migration waits for before its id gives way (characters). */
const leastWait = 12;

/** All migrations, one line each; on a screen of so many columns each line fits. */
export function listText(migrations: readonly MigrationStatus[], columns: number | null = null): string {
  if (migrations.length === 0) return 'no migrations\n';
  const header = ['ORG', 'ID', 'STATE', 'SERVED BY', 'LOADED', 'LAG', 'LAG BACK', 'WAITS FOR'];
  const rows = migrations.map((each) => [
    String(each.orgId),
    each.id,
    each.state,
    each.serving,
    `${Math.floor(each.progress.percent)} %`,
    ms(each.lag.forwardMs),
    ms(each.lag.reverseMs),
    each.waitsFor ?? each.reason?.code ?? '',
  ]);
  const whole = table(header, rows);
  if (columns === null) return whole;
  const widthBefore = whole.indexOf('WAITS FOR');
  const fits = widthBefore + leastWait <= columns;
  const without = (row: readonly string[]) => row.filter((_, column) => header[column] !== 'ID');
  const text = fits ? whole : table(without(header), rows.map(without));
  return `${text
    .trimEnd()
    .split('\n')
    .map((line) => cut(line, columns))
    .join('\n')}\n`;
}

/** One migration on one line, for a log of changes. */
export function lineText(status: MigrationStatus): string {
  const waits = status.waitsFor === null ? '' : `, waits for ${status.waitsFor}`;
  const reason = status.reason === null ? '' : ` (${status.reason.code})`;
  return `org ${status.orgId}: ${status.state}, served by ${status.serving}, ${Math.floor(status.progress.percent)} % loaded, lag ${ms(status.lag.forwardMs)}${waits}${reason}`;
}

/** One migration, with all that an engineer asks first. */
export function detailText(status: MigrationStatus): string {
  const facts: [string, string | null][] = [
    ['org', String(status.orgId)],
    ['migration', status.id],
    ['home region', status.homeRegion],
    ['state', `${status.state} since ${status.since}${status.pauseRequested ? ' (pause requested)' : ''}`],
    ['served by', status.serving],
    ['outcome', status.outcome],
    ['waits for', status.waitsFor],
    ['allowed', status.allowed.join(', ') || 'nothing'],
    ['loaded', progressText(status)],
    ['lag', `${ms(status.lag.forwardMs)} forward, ${ms(status.lag.reverseMs)} back`],
    ['verification', verificationText(status)],
    ['comparing', comparingText(status)],
    ['purge', status.purge === null ? null : purgeText(status.purge)],
    ['owner', status.owner === null ? null : `${status.owner}, epoch ${status.epoch}`],
    ['way back', wayBackText(status)],
    ...status.leftBehind.map(({ part, rows, path, host }): [string, string] => [
      'left behind',
      `${rows} rows (${part}) in ${path} on ${host}`,
    ]),
    ['reason', status.reason === null ? null : `${status.reason.code}: ${status.reason.message}`],
    ['remedy', status.reason?.remedy ?? null],
  ];
  const parts = [
    ...facts.flatMap(([label, value]) => (value === null ? [] : [`${label.padEnd(13)} ${value}\n`])),
    ...(status.wayBack?.choices ?? []).map(
      ({ command, acceptLoss, role, means }) =>
        `${'choice'.padEnd(13)} ${command}${acceptLoss ? ' --accept-loss --reason …' : ''} (${role}): ${means}\n`,
    ),
    ...status.findings.map((each) => `${each.severity.padEnd(13)} ${each.code}: ${each.message}. ${each.remedy}\n`),
  ];
  if (status.attempts.length > 0) parts.push('\n', attemptsText(status));
  return parts.join('');
}

function progressText({ progress }: MigrationStatus): string {
  const eta = progress.etaMs === null ? '' : `, about ${Math.ceil(progress.etaMs / 1000)} s to go`;
  return `${Math.floor(progress.percent)} %${eta}`;
}

function verificationText({ verification }: MigrationStatus): string | null {
  if (verification === null) return null;
  const { outcome, kind, rows, mismatches, at, stale } = verification;
  return `${outcome}, ${rows} rows, ${mismatches} mismatches (${kind}, ${at}${stale ? ', too old to count' : ''})`;
}

function comparingText({ comparing }: MigrationStatus): string | null {
  if (comparing === null) return null;
  const { rows, rowsExpected, mismatches, etaMs } = comparing;
  const left = etaMs === null ? '' : `, about ${Math.ceil(etaMs / 1000)} s to go`;
  return `${rows} of ${rowsExpected ?? '?'} rows, ${mismatches} to be looked at again${left}`;
}

/** A purge on one line. */
export function purgeText({ state, rowsDeleted, rowsExpected, etaMs, waitsFor, reason }: PurgeStatus): string {
  const left = etaMs === null || state !== 'running' ? '' : `, about ${Math.ceil(etaMs / 1000)} s to go`;
  const waits = waitsFor === null ? '' : `, waits for ${waitsFor}`;
  const why = reason === null ? '' : ` (${reason.code}: ${reason.message})`;
  return `purge ${state}, ${rowsDeleted} of ${rowsExpected ?? '?'} rows deleted${left}${waits}${why}`;
}

function wayBackText({ wayBack }: MigrationStatus): string | null {
  if (wayBack === null) return null;
  const { reverseLagMs, lagAgeMs, task, tries, since } = wayBack;
  const failure = [task?.stopReason, task?.lastFailure, task?.erroredTables.join(', ')].filter((part) => part);
  return [
    `stopped since ${since} after ${tries} tries`,
    `lag ${ms(reverseLagMs)}, seen ${ms(lagAgeMs)} ago`,
    `task ${task?.status ?? 'not seen yet'}${failure.length > 0 ? ` (${failure.join('; ')})` : ''}`,
  ].join('; ');
}

function attemptsText({ attempts }: MigrationStatus): string {
  return table(
    ['ATTEMPT', 'DIRECTION', 'STARTED', 'DECISION', 'WRITE PAUSE', 'READ PAUSE', 'REASON'],
    attempts.map((each) => [
      String(each.attempt),
      each.direction,
      each.startedAt,
      each.decision ?? '',
      ms(each.writePauseMs),
      ms(each.readPauseMs),
      each.reason?.code ?? '',
    ]),
  );
}

/** A duration for people. */
export const ms = (value: number | null) => (value === null ? '-' : `${Math.round(value)} ms`);
