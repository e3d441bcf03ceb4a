import type { ColumnShape } from './place.ts';

/** One column, with what a comparison of rows does not need. */
export interface ColumnFacts extends ColumnShape {
  readonly autoIncrement: boolean;
}

/** An index; `PRIMARY` is one of them. */
export interface KeyFacts {
  readonly name: string;
  readonly unique: boolean;
  /** In their order; null for a part that is an expression. */
  readonly columns: readonly (string | null)[];
}

export interface ForeignKeyFacts {
  readonly name: string;
  readonly references: { readonly schema: string; readonly table: string };
  readonly onUpdate: string;
  readonly onDelete: string;
}

/** A trigger; the fence's own among them. */
export interface TriggerFacts {
  readonly name: string;
  readonly timing: string;
  readonly event: string;
}

/** A base table as information_schema tells it, whoever's rows it has. */
export interface TableFacts {
  readonly schema: string;
  readonly table: string;
  readonly engine: string | null;
  readonly partitions: number;
  /** The server's estimate; no row is read. */
  readonly estimatedRows: number;
  readonly columns: readonly ColumnFacts[];
  readonly keys: readonly KeyFacts[];
  readonly foreignKeys: readonly ForeignKeyFacts[];
  readonly triggers: readonly TriggerFacts[];
}

/** A scheduled event; one that is disabled changes nothing. */
export interface EventFacts {
  readonly schema: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly definition: string;
}

/** What one place has, as far as the controller's account may see it. */
export interface Inventory {
  readonly place: string;
  readonly kind: 'site' | 'cluster';
  readonly tables: readonly TableFacts[];
  readonly events: readonly EventFacts[];
}
