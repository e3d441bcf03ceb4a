import type { Value } from './value.ts';

/** An expression as it was read. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: Value }
  | { readonly kind: 'parameter'; readonly index: number }
  | { readonly kind: 'column'; readonly table: string | null; readonly name: string }
  | { readonly kind: 'variable'; readonly scope: 'global' | 'session'; readonly name: string }
  | { readonly kind: 'unary'; readonly operator: '-' | 'NOT' | '~'; readonly operand: Expression }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'in'; readonly operand: Expression; readonly list: readonly Expression[]; readonly not: boolean }
  | { readonly kind: 'inSelect'; readonly operand: Expression; readonly select: Select; readonly not: boolean }
  | { readonly kind: 'like'; readonly operand: Expression; readonly pattern: Expression; readonly not: boolean }
  | { readonly kind: 'between'; readonly operand: Expression; readonly low: Expression; readonly high: Expression }
  | { readonly kind: 'isNull'; readonly operand: Expression; readonly not: boolean }
  | {
      readonly kind: 'case';
      readonly operand: Expression | null;
      readonly whens: readonly When[];
      readonly otherwise: Expression | null;
    }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'aggregate'; readonly name: string; readonly arg: Expression | null; readonly distinct: boolean }
  | { readonly kind: 'cast'; readonly operand: Expression; readonly type: string; readonly sizes: readonly number[] }
  | { readonly kind: 'interval'; readonly amount: Expression; readonly unit: string }
  | { readonly kind: 'exists'; readonly select: Select }
  | { readonly kind: 'subquery'; readonly select: Select };

export interface When {
  readonly when: Expression;
  readonly result: Expression;
}

export interface TableName {
  /** Null: the session's default. */
  readonly schema: string | null;
  readonly table: string;
}

export interface Source extends TableName {
  readonly alias: string;
  /** Of the first source: none. */
  readonly join: 'inner' | 'left';
  readonly on: Expression | null;
}

export interface Item {
  /** Null: all columns, of `table` where it is named. */
  readonly expression: Expression | null;
  readonly table: string | null;
  readonly alias: string;
}

export interface Select {
  readonly kind: 'select';
  readonly distinct: boolean;
  readonly items: readonly Item[];
  readonly from: readonly Source[];
  readonly where: Expression | null;
  readonly groupBy: readonly Expression[];
  readonly orderBy: readonly { readonly by: Expression; readonly descending: boolean }[];
  readonly limit: Expression | null;
  readonly offset: Expression | null;
  readonly lock: 'none' | 'share' | 'update';
  /** UNION with these as well, without doubles. */
  readonly unions: readonly Select[];
}

export interface Assignment {
  readonly column: string;
  readonly value: Expression;
}

export interface Insert {
  readonly kind: 'insert';
  readonly mode: 'insert' | 'ignore' | 'replace';
  readonly into: TableName;
  /** Null: all, in the table's order. */
  readonly columns: readonly string[] | null;
  /** Each row a list; `bulk` is one parameter that holds all rows. */
  readonly rows: readonly (readonly (Expression | 'default')[])[] | { readonly bulk: number } | Select;
  readonly onDuplicate: readonly Assignment[];
}

export interface Update {
  readonly kind: 'update';
  readonly ignore: boolean;
  readonly table: TableName;
  readonly set: readonly Assignment[];
  readonly where: Expression | null;
}

export interface Delete {
  readonly kind: 'delete';
  readonly from: TableName;
  readonly where: Expression | null;
  readonly orderBy: readonly { readonly by: Expression; readonly descending: boolean }[];
  readonly limit: Expression | null;
}

export interface ColumnDefinition {
  readonly name: string;
  /** As information_schema writes it. */
  readonly type: string;
  readonly base: string;
  readonly sizes: readonly number[];
  readonly nullable: boolean;
  readonly default: Expression | null;
  readonly autoIncrement: boolean;
  readonly characterSet: string | null;
  readonly collation: string | null;
}

export interface CreateTable {
  readonly kind: 'createTable';
  readonly name: TableName;
  readonly ifNotExists: boolean;
  readonly columns: readonly ColumnDefinition[];
  readonly primaryKey: readonly string[];
  readonly unique: readonly { readonly name: string; readonly columns: readonly string[] }[];
}

export interface AddColumn {
  readonly kind: 'addColumn';
  readonly table: TableName;
  readonly column: ColumnDefinition;
}

export interface CreateTrigger {
  readonly kind: 'createTrigger';
  readonly schema: string | null;
  readonly name: string;
  readonly event: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly table: TableName;
  readonly body: readonly Step[];
}

/** A step of a stored program. */
export type Step =
  | { readonly kind: 'declare'; readonly name: string; readonly value: Expression | null }
  | { readonly kind: 'set'; readonly name: string; readonly value: Expression }
  | {
      readonly kind: 'if';
      readonly condition: Expression;
      readonly steps: readonly Step[];
      readonly otherwise: readonly Step[];
    }
  | { readonly kind: 'block'; readonly steps: readonly Step[] }
  | { readonly kind: 'signal'; readonly state: string; readonly message: Expression };

export type Statement =
  | Select
  | Insert
  | Update
  | Delete
  | CreateTable
  | AddColumn
  | CreateTrigger
  | { readonly kind: 'createDatabase'; readonly name: string; readonly ifNotExists: boolean }
  | { readonly kind: 'dropTrigger'; readonly schema: string | null; readonly name: string; readonly ifExists: boolean }
  | { readonly kind: 'begin'; readonly snapshot: boolean; readonly readOnly: boolean }
  | { readonly kind: 'commit' }
  | { readonly kind: 'rollback' }
  | { readonly kind: 'set'; readonly assignments: readonly VariableAssignment[] }
  | { readonly kind: 'isolation'; readonly scope: 'global' | 'session'; readonly level: string }
  | { readonly kind: 'kill'; readonly what: 'connection' | 'statement'; readonly id: number }
  | { readonly kind: 'show'; readonly what: string }
  | { readonly kind: 'xa'; readonly action: string; readonly xid: string }
  | { readonly kind: 'use'; readonly schema: string }
  | { readonly kind: 'do'; readonly expression: Expression }
  /** Looked through and never run. */
  | { readonly kind: 'prepare'; readonly text: Expression }
  /** What the simulated server has nothing to do for: accounts and their rights. */
  | { readonly kind: 'nothing' };

export interface VariableAssignment {
  readonly scope: 'global' | 'session';
  readonly name: string;
  readonly value: Expression;
}
