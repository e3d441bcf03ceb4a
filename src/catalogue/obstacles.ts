import type { Inventory, TableFacts } from '../ports/inventory.ts';
import { isInteger } from './orgColumns.ts';

/** Why a task's filter on the org column cannot move an org's rows of a table, or is in doubt. */
export interface Obstacle {
  readonly reason:
    | 'noPrimaryKey'
    | 'notInnoDb'
    | 'partitioned'
    | 'cascades'
    | 'severalOrgColumns'
    | 'orgColumnNoInteger'
    | 'ownedThroughAnother'
    | 'notAtEverySite';
  readonly text: string;
}

const changing = /^(CASCADE|SET NULL|SET DEFAULT)$/i;

/** What a table's own definition has against it, whoever owns its rows. */
export function obstaclesOf(facts: TableFacts, place: string): Obstacle[] {
  const found: Obstacle[] = [];
  if (!facts.keys.some(({ name }) => name === 'PRIMARY')) {
    const text = `no primary key at ${place}: its rows can be neither replicated nor compared safely`;
    found.push({ reason: 'noPrimaryKey', text });
  }
  if (facts.engine !== 'InnoDB') {
    const text = `engine ${facts.engine ?? 'unknown'} at ${place}: no transactions that a fence could wait for`;
    found.push({ reason: 'notInnoDb', text });
  }
  if (facts.partitions > 0) {
    const text = `${facts.partitions} partitions at ${place}: dropping one removes rows past the fence`;
    found.push({ reason: 'partitioned', text });
  }
  for (const { name, onDelete, onUpdate } of facts.foreignKeys) {
    if (!changing.test(onDelete) && !changing.test(onUpdate)) continue;
    const text = `foreign key ${name} cascades at ${place}: it changes rows past the fence and the binlog`;
    found.push({ reason: 'cascades', text });
  }
  return found;
}

/** What is wrong with the columns that may say whose a row is. */
export function orgColumnObstacles(facts: TableFacts, columns: readonly string[]): Obstacle[] {
  if (columns.length > 1) {
    return [{ reason: 'severalOrgColumns', text: `several columns may name the owner: ${columns.join(', ')}` }];
  }
  const column = facts.columns.find(({ name }) => name === columns[0]);
  if (column === undefined || isInteger(column.type)) return [];
  return [{ reason: 'orgColumnNoInteger', text: `${column.name} is ${column.type}, and no number of an org` }];
}

/**
 * Org-owned tables that a table without an org column belongs to: it refers to them by a foreign key, or has the column
 * that is the whole primary key of one of them. Its rows are an org's, and no filter on them tells which.
 */
export function ownersOf(facts: TableFacts, owned: readonly TableFacts[]): readonly string[] {
  const byKey = owned.filter(({ keys }) => {
    const primary = keys.find(({ name }) => name === 'PRIMARY')?.columns ?? [];
    const [column] = primary;
    // `ID` alone says nothing.
    if (primary.length !== 1 || typeof column !== 'string' || column.toLowerCase() === 'id') return false;
    return facts.columns.some(({ name }) => name.toLowerCase() === column.toLowerCase());
  });
  const referred = owned.filter(({ schema, table }) =>
    facts.foreignKeys.some(({ references }) => references.schema === schema && references.table === table),
  );
  return [...new Set([...referred, ...byKey].map(({ schema, table }) => `${schema}.${table}`))];
}

/** Sites that lack the table. */
export function absentAt({ schema, table }: Pick<TableFacts, 'schema' | 'table'>, sites: readonly Inventory[]) {
  return sites
    .filter(({ tables }) => !tables.some((one) => one.schema === schema && one.table === table))
    .map(({ place }) => place);
}
