import type { Environment, Reader, VirtualTable } from '../evaluate/environment.ts';
import { compileInsert } from '../evaluate/insert.ts';
import { type CompiledSelect, Compiler } from '../evaluate/select.ts';
import { compileTrigger, type Trigger } from '../evaluate/triggers.ts';
import { compileDelete, compileUpdate, type Writer, type Written } from '../evaluate/write.ts';
import type { AddColumn, Delete, Insert, Select, Statement, Update } from '../sql/ast.ts';
import { UnsupportedSql } from '../sql/unsupported.ts';
import type { Value } from '../sql/value.ts';
import { sqlErrors } from '../sqlError.ts';
import { Table } from '../storage/table.ts';

type CreateTrigger = Extract<Statement, { kind: 'createTrigger' }>;
type CreateTable = Extract<Statement, { kind: 'createTable' }>;

/** Statements that are kept ready. */
const KEPT = 1_000;

/** A trigger as it was made. */
export interface TriggerDefinition {
  readonly schema: string;
  readonly statement: CreateTrigger;
  readonly definer: string;
}

export type CompiledStatement =
  | { readonly kind: 'select'; readonly select: CompiledSelect }
  | { readonly kind: 'write'; readonly run: (environment: Environment, writer: Writer) => Written };

/** Schemas, tables and triggers of a server, and statements made ready for them. */
export class Catalog {
  readonly #schemas = new Map<string, Map<string, Table>>();
  readonly #virtual: (schema: string, table: string) => VirtualTable | null;
  #triggers: readonly TriggerDefinition[] = [];
  #ready = new Map<string, CompiledStatement>();
  #running = new Map<string, readonly Trigger[]>();

  constructor(virtual: (schema: string, table: string) => VirtualTable | null) {
    this.#virtual = virtual;
  }

  get triggers(): readonly TriggerDefinition[] {
    return this.#triggers;
  }

  tables(): readonly Table[] {
    return [...this.#schemas.values()].flatMap((tables) => [...tables.values()]);
  }

  hasSchema(name: string): boolean {
    return this.#schemas.has(name);
  }

  createSchema(name: string, ifNotExists: boolean): void {
    if (!this.#schemas.has(name)) this.#schemas.set(name, new Map());
    else if (!ifNotExists) throw sqlErrors.databaseExists(name);
  }

  createTable(statement: CreateTable, database: string | null): void {
    const schema = statement.name.schema ?? database ?? '';
    const tables = this.#schemas.get(schema);
    if (tables === undefined) throw sqlErrors.noDatabase(schema);
    if (tables.has(statement.name.table)) {
      if (statement.ifNotExists) return;
      throw sqlErrors.exists(statement.name.table);
    }
    tables.set(statement.name.table, new Table(schema, statement));
    this.#forget();
  }

  /** Of a table that nobody has written to yet: the simulation upgrades nothing. */
  addColumn({ table: { schema, table: name }, column }: AddColumn, database: string | null): void {
    const found = this.table(schema ?? database ?? '', name);
    if (found.findColumn(column.name) !== undefined) throw sqlErrors.columnExists(column.name);
    if (found.rows().length > 0) throw new UnsupportedSql(`ALTER TABLE ${name}`, 'a table without rows');
    this.#schemas.get(found.schema)?.set(name, found.with(column));
    this.#forget();
  }

  createTrigger(statement: CreateTrigger, database: string | null, definer: string): void {
    const schema = statement.schema ?? database ?? '';
    this.#triggers = [...this.#triggers, { schema, statement, definer }];
    this.#forget();
  }

  dropTrigger(schema: string, name: string): void {
    this.#triggers = this.#triggers.filter((each) => each.schema !== schema || each.statement.name !== name);
    this.#forget();
  }

  /** The table; throws as a server does where there is none. */
  table(schema: string, name: string): Table {
    const found = this.find(schema, name);
    if (!(found instanceof Table)) throw sqlErrors.noTable(`${schema}.${name}`);
    return found;
  }

  find(schema: string, name: string): Table | VirtualTable | null {
    return this.#schemas.get(schema)?.get(name) ?? this.#virtual(schema.toLowerCase(), name.toLowerCase());
  }

  /** The statement made ready, from the last time if nothing was defined since. */
  ready(sql: string, statement: Select | Insert | Update | Delete, database: string | null): CompiledStatement {
    const key = `${database ?? ''}\u0000${sql}`;
    const known = this.#ready.get(key);
    if (known !== undefined) return known;
    const made = this.#compile(statement, this.compiler(database));
    if (this.#ready.size >= KEPT) this.#ready.clear();
    this.#ready.set(key, made);
    return made;
  }

  compiler(database: string | null): Compiler {
    return new Compiler((schema, name) => {
      const found = this.find(schema ?? database ?? '', name);
      if (found === null) throw sqlErrors.noTable(`${schema ?? database}.${name}`);
      return found;
    });
  }

  /** Runs the table's triggers for one row. */
  fire(
    reader: Reader,
    event: 'INSERT' | 'UPDATE' | 'DELETE',
    table: Table,
    before: readonly Value[] | null,
    after: readonly Value[] | null,
  ): void {
    if (this.#triggers.length === 0) return;
    const key = `${event} ${table.fullName}`;
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#triggers
        .filter(({ statement, schema }) => statement.event === event && isOn(statement, schema, table))
        .map(({ statement, schema }) => compileTrigger(statement, table, this.compiler(schema)));
      this.#running.set(key, running);
    }
    for (const trigger of running) trigger(reader, before, after);
  }

  #compile(statement: Select | Insert | Update | Delete, compiler: Compiler): CompiledStatement {
    switch (statement.kind) {
      case 'select':
        return { kind: 'select', select: compiler.select(statement, null) };
      case 'insert':
        return { kind: 'write', run: compileInsert(statement, compiler) };
      case 'update':
        return { kind: 'write', run: compileUpdate(statement, compiler) };
      case 'delete':
        return { kind: 'write', run: compileDelete(statement, compiler) };
    }
  }

  #forget(): void {
    this.#ready = new Map();
    this.#running = new Map();
  }
}

function isOn({ table }: CreateTrigger, schema: string, on: Table): boolean {
  return (table.schema ?? schema) === on.schema && table.table === on.name;
}
