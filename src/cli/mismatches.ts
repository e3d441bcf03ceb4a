import type { Mismatches } from '../service/mismatches.ts';
import { type Api, findMigration } from './api.ts';
import type { Output } from './output.ts';
import { table } from './text.ts';

/** Shows the rows that the last comparison found different, with their values where asked for. */
export async function mismatches(
  api: Api,
  { target, values, json }: { target: string; values: boolean; json: boolean },
  output: Output,
): Promise<void> {
  const found = await api.mismatches((await findMigration(api, target)).id, values);
  output.out(json ? `${JSON.stringify(found)}\n` : mismatchesText(found));
}

export function mismatchesText({ orgId, comparedAt, mismatches, sample, values }: Mismatches): string {
  if (comparedAt === null) return `org ${orgId}: the sides have not been compared\n`;
  const first = `org ${orgId}: ${mismatches} rows differed at ${comparedAt}\n`;
  if (values !== null) return first + values.map(rowText).join('');
  if (sample.length === 0) return first;
  return (
    first +
    table(
      ['KIND', 'TABLE', 'KEY', 'COLUMNS'],
      sample.map(({ kind, table: name, key, columns, otherSite }) => [
        otherSite === undefined ? kind : `${kind} at ${otherSite}`,
        name,
        keyText(key),
        columns.join(', '),
      ]),
    )
  );
}

type Row = NonNullable<Mismatches['values']>[number];

function rowText({ kind, table: name, key, source, target, otherSite = 'cluster' }: Row): string {
  const columns = [...new Set([...Object.keys(source ?? {}), ...Object.keys(target ?? {})])];
  return [
    `\n${kind}  ${name}  ${keyText(key)}\n`,
    ...columns.flatMap((column) => [
      ...(source === null ? [] : [`  ${column}  source  ${valueText(source[column])}\n`]),
      ...(target === null ? [] : [`  ${column}  ${otherSite} ${valueText(target[column])}\n`]),
    ]),
  ].join('');
}

/** Quoted, so that spaces at the end and control characters show. */
function valueText(excerpt: NonNullable<Row['source']>[string] | undefined): string {
  if (excerpt === null || excerpt === undefined) return 'NULL';
  const { value, bytes, cut } = excerpt;
  return cut ? `${JSON.stringify(value)} … (${bytes} bytes)` : JSON.stringify(value);
}

function keyText(key: Readonly<Record<string, string>>): string {
  return Object.entries(key)
    .map(([column, value]) => `${column}=${value}`)
    .join(' ');
}
