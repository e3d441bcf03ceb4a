import { describeMachine } from './machine.ts';
import type { Measured } from './results.ts';

const begin = '<!-- figures of npm run bench -- --table: begin -->';
const end = '<!-- figures: end -->';
const head = [
  '| benchmark | value | floor | ratio | to reach | slowest part | what would halve it | measured on |',
  '|---|---|---|---|---|---|---|---|',
];
/** Between the ratios of one cell. */
const between = ' · ';
const nameOf = (row: string) => /^\| `([^`]+)` \|/.exec(row)?.[1] ?? null;
const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** A document has no table of figures, or none that ends. */
export class NoTableError extends Error {
  override readonly name = 'NoTableError';
}

/** The document with the rows of these results in its table: theirs replaced, new ones below, the others as they are. */
export function withFigures(document: string, results: readonly Measured[]): string {
  const { before, rows, after } = partsOf(document);
  const fresh = new Map(results.map((result) => [result.name, rowOf(result)]));
  const kept = rows.map((row) => {
    const name = nameOf(row) ?? '';
    const newer = fresh.get(name);
    fresh.delete(name);
    return newer ?? row;
  });
  return [before, begin, ...head, ...kept, ...fresh.values(), end].join('\n') + after;
}

/** Every ratio of the table, by benchmark and by what it is of; the benchmark's own under its name. */
export function ratiosIn(document: string): Map<string, Map<string, number>> {
  const rows = partsOf(document).rows.map((row): [string, Map<string, number>] => {
    const name = nameOf(row) ?? '';
    const ratios = row.split(' | ')[3] ?? '';
    return [name, new Map(ratios.split(between).map((part) => pairOf(part, name)))];
  });
  return new Map(rows);
}

function pairOf(text: string, name: string): [string, number] {
  const at = text.lastIndexOf(' ');
  return [at < 0 ? name : text.slice(0, at), Number(text.slice(at + 1))];
}

function rowOf(result: Measured): string {
  const { name, value, unit, floor, ratio, ratios, toReach, reached, slowest, toHalve, proxysql, machine } = result;
  const cells = [
    `\`${name}\``,
    `${value} ${unit}`,
    `${floor} ${unit}`,
    [`${ratio}`, ...Object.entries(ratios ?? {}).map(([what, further]) => `${what} ${further}`)].join(between),
    toReach === null ? '—' : `${toReach}${reached ? '' : ' (**missed**)'}`,
    slowest,
    toHalve,
    `${describeMachine(machine)}${proxysql === undefined ? '' : `; ProxySQL ${proxysql}`}`,
  ];
  return `| ${cells.map(cell).join(' | ')} |`;
}

function partsOf(document: string): { before: string; rows: string[]; after: string } {
  const [from, to] = [document.indexOf(`${begin}\n`), document.indexOf(end)];
  if (from < 0 || to < from) throw new NoTableError(`there is no table between "${begin}" and "${end}"`);
  const rows = document
    .slice(from, to)
    .split('\n')
    .filter((line) => nameOf(line) !== null);
  return { before: document.slice(0, from).replace(/\n$/, ''), rows, after: document.slice(to + end.length) };
}
