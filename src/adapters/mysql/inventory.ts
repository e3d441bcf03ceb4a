import { z } from 'zod';
import { CONTROL_SCHEMA } from '../../fence/schema.ts';
import type { EventFacts, Inventory, TableFacts } from '../../ports/inventory.ts';
import type { PlaceContext } from './context.ts';
import { flag, integer, nullableInteger, nullableText, text } from './rows.ts';
import type { Session } from './session.ts';
import { isGenerated } from './shapes.ts';

/** Schemas that are nobody's data: the servers' own, the fence's, and DMS's. */
const notData = ['information_schema', 'performance_schema', 'mysql', 'sys', 'awsdms_control', CONTROL_SCHEMA];

const at = { schema: text, table: text };
const tableRow = z.object({ ...at, engine: nullableText, estimatedRows: nullableInteger });
const columnRow = z.object({
  ...at,
  name: text,
  type: text,
  nullable: text,
  characterSet: nullableText,
  collation: nullableText,
  extra: text,
});
const keyRow = z.object({ ...at, name: text, notUnique: flag, column: nullableText });
const foreignKeyRow = z.object({
  ...at,
  name: text,
  toSchema: text,
  toTable: text,
  onUpdate: text,
  onDelete: text,
});
const partitionRow = z.object({ ...at, partitions: integer });
const triggerRow = z.object({ ...at, name: text, timing: text, event: text });
const eventRow = z.object({ schema: text, name: text, status: text, definition: nullableText });

/**
 * Every base table of these schemas, or of all that hold data where none is named: one statement for each kind of fact,
 * whatever the number of tables. Reads no row of them.
 */
export function inventory({ bulk, key }: PlaceContext, schemas: readonly string[] | null): Promise<Inventory> {
  return bulk.use('reading what tables there are', async (session) => ({
    place: key.name,
    kind: key.kind,
    tables: await tables(session, schemas),
    events: await events(session, schemas),
  }));
}

/** The condition on a column that names a schema, with its values. */
function within(column: string, schemas: readonly string[] | null): { sql: string; values: readonly string[] } {
  const values = schemas ?? notData;
  const marks = values.map(() => '?').join(', ');
  return { sql: `${column} ${schemas === null ? 'NOT IN' : 'IN'} (${marks})`, values };
}

async function tables(session: Session, schemas: readonly string[] | null): Promise<TableFacts[]> {
  const rows = <T>(row: z.ZodType<T>, column: string, sql: (where: string) => string): Promise<T[]> => {
    const { sql: where, values } = within(column, schemas);
    return session.rows(row, sql(where), values);
  };
  const there = await rows(
    tableRow,
    'TABLE_SCHEMA',
    (where) =>
      `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS \`table\`, ENGINE AS engine, TABLE_ROWS AS estimatedRows
       FROM information_schema.TABLES WHERE ${where} AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_SCHEMA, TABLE_NAME`,
  );
  const columns = await rows(
    columnRow,
    'TABLE_SCHEMA',
    (where) =>
      `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS \`table\`, COLUMN_NAME AS name, COLUMN_TYPE AS type,
         IS_NULLABLE AS nullable, CHARACTER_SET_NAME AS characterSet, COLLATION_NAME AS collation, EXTRA AS extra
       FROM information_schema.COLUMNS WHERE ${where} ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION`,
  );
  const keys = await rows(
    keyRow,
    'TABLE_SCHEMA',
    (where) =>
      `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS \`table\`, INDEX_NAME AS name, NON_UNIQUE AS notUnique,
         COLUMN_NAME AS \`column\`
       FROM information_schema.STATISTICS WHERE ${where} ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`,
  );
  const foreignKeys = await rows(
    foreignKeyRow,
    'CONSTRAINT_SCHEMA',
    (where) =>
      `SELECT CONSTRAINT_SCHEMA AS \`schema\`, TABLE_NAME AS \`table\`, CONSTRAINT_NAME AS name,
         UNIQUE_CONSTRAINT_SCHEMA AS toSchema, REFERENCED_TABLE_NAME AS toTable, UPDATE_RULE AS onUpdate,
         DELETE_RULE AS onDelete
       FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE ${where}`,
  );
  const partitions = await rows(
    partitionRow,
    'TABLE_SCHEMA',
    (where) =>
      `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS \`table\`, COUNT(*) AS partitions
       FROM information_schema.PARTITIONS WHERE ${where} AND PARTITION_NAME IS NOT NULL
       GROUP BY TABLE_SCHEMA, TABLE_NAME`,
  );
  const triggers = await rows(
    triggerRow,
    'EVENT_OBJECT_SCHEMA',
    (where) =>
      `SELECT EVENT_OBJECT_SCHEMA AS \`schema\`, EVENT_OBJECT_TABLE AS \`table\`, TRIGGER_NAME AS name,
         ACTION_TIMING AS timing, EVENT_MANIPULATION AS event
       FROM information_schema.TRIGGERS WHERE ${where}`,
  );
  const of = grouped(columns);
  const keysOf = grouped(keys);
  const foreignKeysOf = grouped(foreignKeys);
  const partitionsOf = grouped(partitions);
  const triggersOf = grouped(triggers);
  return there.map((table) => ({
    schema: table.schema,
    table: table.table,
    engine: table.engine,
    estimatedRows: table.estimatedRows ?? 0,
    partitions: partitionsOf(table)[0]?.partitions ?? 0,
    columns: of(table).map(({ name, type, nullable, characterSet, collation, extra }) => ({
      name,
      type,
      nullable: nullable === 'YES',
      characterSet,
      collation,
      generated: isGenerated(extra),
      autoIncrement: /auto_increment/i.test(extra),
    })),
    keys: keyFacts(keysOf(table)),
    foreignKeys: foreignKeysOf(table).map(({ name, toSchema, toTable, onUpdate, onDelete }) => ({
      name,
      references: { schema: toSchema, table: toTable },
      onUpdate,
      onDelete,
    })),
    triggers: triggersOf(table).map(({ name, timing, event }) => ({ name, timing, event })),
  }));
}

async function events(session: Session, schemas: readonly string[] | null): Promise<EventFacts[]> {
  const { sql: where, values } = within('EVENT_SCHEMA', schemas);
  const rows = await session.rows(
    eventRow,
    `SELECT EVENT_SCHEMA AS \`schema\`, EVENT_NAME AS name, STATUS AS status, EVENT_DEFINITION AS definition
     FROM information_schema.EVENTS WHERE ${where}`,
    values,
  );
  return rows.map(({ schema, name, status, definition }) => ({
    schema,
    name,
    enabled: status === 'ENABLED',
    definition: definition ?? '',
  }));
}

type At = { readonly schema: string; readonly table: string };
const nameOf = ({ schema, table }: At): string => `${schema}.${table}`;

function grouped<T extends At>(rows: readonly T[]): (table: At) => readonly T[] {
  const groups = Map.groupBy(rows, nameOf);
  return (table) => groups.get(nameOf(table)) ?? [];
}

function keyFacts(rows: readonly z.infer<typeof keyRow>[]): TableFacts['keys'] {
  return [...Map.groupBy(rows, ({ name }) => name)].map(([name, parts]) => ({
    name,
    unique: parts[0]?.notUnique === false,
    columns: parts.map(({ column }) => column),
  }));
}
