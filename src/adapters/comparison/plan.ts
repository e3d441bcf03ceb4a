import type { ColumnShape, OrgTable, TableShape } from '../../ports/place.ts';
import { IncomparableTableError, UnorderableKeyError } from '../../verification/errors.ts';
import { type ColumnType, isLarge, parseColumnType } from './columnType.ts';
import { type KeyPart, keyPart, orderedAlike } from './keyPart.ts';
import { identifier, NULL_MARK, utf8 } from './sqlText.ts';
import { typePairOf } from './typePairs.ts';

/** A JSON column, compared by the controller. */
export interface JsonColumn {
  readonly column: string;
  readonly quoted: string;
  readonly text: string;
  /** SQL for about how many bytes its value has. */
  readonly size: string;
}

/** How one side of a table is read. */
export interface SidePlan {
  /** Quoted, with the schema. */
  readonly table: string;
  readonly orgColumn: string;
  readonly orgIsText: boolean;
  readonly key: readonly KeyPart[];
  /** Its rows lie together in the table itself. */
  readonly keyBeginsWithOrg: boolean;
  /** SQL of what is hashed, in the same order on both sides. */
  readonly values: readonly { readonly column: string; readonly sql: string }[];
  readonly json: readonly JsonColumn[];
  /** Every column of the side, with SQL whose text is its value, nothing rounded; `excerpt` where it can be long. */
  readonly image: readonly {
    readonly column: string;
    readonly sql: string;
    readonly excerpt: 'text' | 'bytes' | null;
  }[];
}

/** How a table is compared. */
export interface TablePlan {
  readonly table: string;
  readonly source: SidePlan;
  readonly target: SidePlan;
  readonly orderedAlike: boolean;
  readonly heavy: boolean;
  readonly keyColumns: readonly string[];
}

interface ColumnPair {
  readonly source: ColumnType;
  readonly target: ColumnType;
}

/** Makes a table comparable; throws `IncomparableTableError` with every reason, or `UnorderableKeyError`. */
export function planTable(
  table: OrgTable,
  sourceShapes: readonly TableShape[],
  targetShapes: readonly TableShape[],
): TablePlan {
  const source = sourceShapes.find((shape) => shape.table === table.table && shape.exists);
  const target = targetShapes.find((shape) => shape.table === table.table && shape.exists);
  const missing = [
    ...(source ? [] : ['it is missing at the source']),
    ...(target ? [] : ['it is missing at the target']),
  ];
  if (source === undefined || target === undefined) throw new IncomparableTableError(table.table, missing);

  const reasons = keyFaults(source, target);
  const pairs = columnPairs(table, source, target, reasons);
  if (reasons.length > 0) throw new IncomparableTableError(table.table, reasons);

  const isOrg = (name: string) => sameName(name, table.orgColumn);
  // The org column is the same in every row that is read; as the only key column it still names the row.
  const withoutOrg = source.primaryKey.filter((name) => !isOrg(name));
  const keyColumns = withoutOrg.length > 0 ? withoutOrg : source.primaryKey;
  const keys = keyColumns.map((name) => keyOf(table.table, pairs, name));
  const valuePairs = pairs.filter((pair) => !isOrg(pair.source.column));
  const orgType = pairs.find((pair) => isOrg(pair.source.column));
  const side = (which: 'source' | 'target'): SidePlan => ({
    table: `${identifier(table.schema)}.${identifier(table.table)}`,
    orgColumn: identifier(table.orgColumn),
    orgIsText: orgType?.[which].family === 'text',
    key: keys.map((key) => key[which]),
    keyBeginsWithOrg: isOrg(source.primaryKey[0] ?? ''),
    values: valuePairs.map((pair) => comparedValue(pair, which)),
    json: valuePairs.filter(isJson).map((pair) => jsonColumn(pair[which], pair.source.column)),
    image: pairs.map(({ [which]: type }) => ({
      column: type.column,
      sql: exactValue(type),
      excerpt: type.family === 'bytes' ? 'bytes' : type.family === 'text' || type.family === 'json' ? 'text' : null,
    })),
  });
  return {
    table: table.table,
    source: side('source'),
    target: side('target'),
    orderedAlike: orderedAlike(
      keys.map((key) => key.source),
      keys.map((key) => key.target),
    ),
    heavy: pairs.some((pair) => isLarge(pair.source) || isLarge(pair.target)),
    keyColumns,
  };
}

function keyFaults(source: TableShape, target: TableShape): string[] {
  const faults: string[] = [];
  if (source.primaryKey.length === 0) faults.push('it has no primary key at the source');
  if (target.primaryKey.length === 0) faults.push('it has no primary key at the target');
  const alike =
    source.primaryKey.length === target.primaryKey.length &&
    source.primaryKey.every((name, i) => sameName(name, target.primaryKey[i] ?? ''));
  if (faults.length === 0 && !alike) {
    faults.push(`its primary keys differ: (${source.primaryKey.join(', ')}) and (${target.primaryKey.join(', ')})`);
  }
  return faults;
}

/** Columns of the same name, in the source's order; what does not fit is added to `faults`. */
function columnPairs(table: OrgTable, source: TableShape, target: TableShape, faults: string[]): ColumnPair[] {
  const onlyAtTarget = target.columns.filter((column) => !find(source, column.name));
  for (const column of onlyAtTarget) faults.push(`column ${column.name} is at the target only`);
  if (!find(source, table.orgColumn)) faults.push(`it has no column ${table.orgColumn}`);
  return source.columns.flatMap((shape) => {
    const other = find(target, shape.name);
    if (other === undefined) {
      faults.push(`column ${shape.name} is at the source only`);
      return [];
    }
    const pair = { source: parseColumnType(shape), target: parseColumnType(other) };
    if (pair.source === null || pair.target === null || !typePairOf(pair.source, pair.target)) {
      faults.push(`column ${shape.name} is ${shape.type} at the source and ${other.type} at the target`);
      return [];
    }
    return [{ source: pair.source, target: pair.target }];
  });
}

function keyOf(table: string, pairs: readonly ColumnPair[], name: string): { source: KeyPart; target: KeyPart } {
  const pair = pairs.find((candidate) => sameName(candidate.source.column, name));
  if (pair === undefined) throw new IncomparableTableError(table, [`key column ${name} is not among its columns`]);
  const source = keyPart(pair.source, pair.target);
  const target = keyPart(pair.target, pair.source);
  if (source === null || target === null) {
    throw new UnorderableKeyError(table, name, [pair.source.text, pair.target.text]);
  }
  return { source, target };
}

function comparedValue(pair: ColumnPair, which: 'source' | 'target'): { column: string; sql: string } {
  const mine = pair[which];
  const other = pair[which === 'source' ? 'target' : 'source'];
  const form = typePairOf(mine, other)?.form;
  // Of a JSON column SQL compares only whether there is a value.
  if (!form) return { column: pair.source.column, sql: `(${identifier(mine.column)} IS NULL)` };
  const value = form(mine, other);
  return {
    column: pair.source.column,
    sql: mine.nullable || other.nullable ? `IFNULL(${value}, ${NULL_MARK})` : value,
  };
}

/** A FLOAT's own text is rounded; a BIT's is bytes. */
function exactValue(type: ColumnType): string {
  const quoted = identifier(type.column);
  if (type.family === 'real') return `(${quoted} * 1e0)`;
  if (type.base === 'bit') return `(${quoted} + 0)`;
  return type.family === 'json' ? `CAST(${quoted} AS CHAR)` : quoted;
}

function isJson(pair: ColumnPair): boolean {
  return pair.source.family === 'json' || pair.target.family === 'json';
}

function jsonColumn(type: ColumnType, column: string): JsonColumn {
  const quoted = identifier(type.column);
  return type.family === 'json'
    ? { column, quoted, text: `CAST(${quoted} AS CHAR)`, size: `JSON_STORAGE_SIZE(${quoted})` }
    : { column, quoted, text: utf8(type.column, type.characterSet), size: `OCTET_LENGTH(${quoted})` };
}

function find(shape: TableShape, name: string): ColumnShape | undefined {
  return shape.columns.find((column) => sameName(column.name, name));
}

/** Column names are the same in any case, on both servers. */
function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
