import type { OrgTable } from '../ports/place.ts';

/** A table by its name. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** Findings that schemas alone cannot settle: somebody who knows the platform may, with a reason. */
export const confirmableCodes = ['UNIQUE_KEY_WITHOUT_ORG', 'TABLE_HAS_TRIGGER', 'EVENT_ON_TABLE'] as const;

/** What somebody has looked into and vouches for. */
export interface Confirmation {
  readonly code: (typeof confirmableCodes)[number];
  /** What the finding names as its `object`. */
  readonly of: string;
  readonly because: string;
}

/** A statement over orgs, by whom, and what becomes of it before the first org moves. */
export interface DeclaredStatement {
  readonly user: string;
  /** The statement as the proxies' statistics have it, or the number of its digest. */
  readonly statement: string;
  readonly remedy: string;
}

/** The confirmed catalogue: what moves with an org, and what stays. */
export interface Catalogue {
  /** Counted up with every change, by whoever confirms it. */
  readonly version: number;
  readonly tables: readonly OrgTable[];
  readonly techTables: readonly TableName[];
  readonly confirmed: readonly Confirmation[];
  /** Statements that no proxy can route by org. */
  readonly declared: readonly DeclaredStatement[];
}

export const nameOf = ({ schema, table }: TableName): string => `${schema}.${table}`;

/** Schemas in which the catalogue names a table. */
export const schemasOf = ({ tables, techTables }: Pick<Catalogue, 'tables' | 'techTables'>): string[] => [
  ...new Set([...tables, ...techTables].map(({ schema }) => schema)),
];
