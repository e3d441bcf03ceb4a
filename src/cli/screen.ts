import type { MigrationStatus } from '../service/status.ts';
import { cut, detailText, ms } from './text.ts';

const barWidth = 20;
const [full, empty] = ['█', '░'];

/** How much of it is done, as a bar. */
export function bar(percent: number, width = barWidth): string {
  const done = Math.round((Math.min(100, Math.max(0, percent)) / 100) * width);
  return full.repeat(done) + empty.repeat(width - done);
}

/** All migrations with their bars, those under way first: as many as fit. */
export function screenOfAll(all: readonly MigrationStatus[], size: { columns: number; rows: number }): string[] {
  if (all.length === 0) return ['no migrations'];
  const byUrgency = all.toSorted((one, other) => rank(one) - rank(other) || one.orgId - other.orgId);
  const widths = {
    org: Math.max(3, ...all.map(({ orgId }) => String(orgId).length)),
    state: Math.max(5, ...all.map(({ state }) => state.length)),
  };
  const lines = byUrgency.map((each) => cut(rowOf(each, widths), size.columns));
  const room = Math.max(1, size.rows - 2);
  if (lines.length <= room) return lines;
  return [...lines.slice(0, room), cut(`… and ${lines.length - room} more`, size.columns)];
}

/** One migration, with a bar for each table while they load. */
export function screenOfOne(status: MigrationStatus, columns: number): string[] {
  const { tables, percent, etaMs } = status.progress;
  const left = etaMs ? `  about ${Math.ceil(etaMs / 1_000)} s to go` : '';
  const name = Math.max(13, ...tables.map(({ table }) => table.length));
  const loading = percent < 100;
  return [
    `${'loaded'.padEnd(name)} ${bar(percent)} ${Math.floor(percent)} %${left}`,
    ...(loading
      ? tables.map(({ table, rowsLoaded, rowsExpected, state }) => {
          const share = rowsExpected === null || rowsExpected === 0 ? 0 : (rowsLoaded / rowsExpected) * 100;
          return `${table.padEnd(name)} ${bar(share)} ${rowsLoaded} of ${rowsExpected ?? '?'} rows  ${state}`;
        })
      : []),
    '',
    ...detailText(status).trimEnd().split('\n'),
  ].map((line) => cut(line, columns));
}

/** Held orgs have clients waiting; then come those that somebody has to see to, then what moves. */
function rank({ serving, state, outcome }: MigrationStatus): number {
  if (serving === 'held') return 0;
  if (state === 'needsOperator') return 1;
  return outcome === null ? 2 : 3;
}

function rowOf(each: MigrationStatus, widths: { org: number; state: number }): string {
  const { progress, lag } = each;
  return [
    String(each.orgId).padStart(widths.org),
    bar(progress.percent),
    `${Math.floor(progress.percent)} %`.padStart(5),
    each.state.padEnd(widths.state),
    each.serving.padEnd(7),
    `lag ${ms(lag.forwardMs ?? lag.reverseMs)}`.padEnd(12),
    each.waitsFor ?? each.reason?.code ?? '',
  ].join('  ');
}
