import type { SentStatement } from '../ports/routing.ts';

/** A statement to be prepared, never run. `exact`: as the client prepares it; else made from a digest. */
export interface Preparable {
  readonly schema: string;
  readonly sql: string;
  readonly exact: boolean;
}

/** Statements that change or read rows; what else clients send has no tables. */
const ofRows = /^\s*(?:\(\s*)*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|CALL)\b/i;
/** ProxySQL cuts digests at `mysql-query_digests_max_digest_length`, 2048 by default. */
const cutAt = 2_048;

/**
 * A statement's form, so that a server can prepare it: a digest has its values as question marks, which is what a
 * placeholder is, but for lists that it has shortened. Null for what cannot be told from its digest.
 */
export function preparableFrom({ schema, statement, exact }: SentStatement): Preparable | null {
  if (!ofRows.test(statement)) return null;
  if (exact) return { schema, sql: statement, exact };
  if (statement.length >= cutAt || statement.includes(';')) return null;
  return { schema, sql: statement.replace(/,\s*\.\.\./g, ''), exact };
}
