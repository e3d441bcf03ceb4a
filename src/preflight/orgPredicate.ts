import type { OrgTable } from '../ports/place.ts';

/** Org-owned or other tables that a statement names, by the table's own name. */
export function namedIn<T extends { readonly table: string }>(statement: string, tables: readonly T[]): readonly T[] {
  const words = new Set(statement.toLowerCase().match(/[\w$]+/g));
  return tables.filter(({ table }) => words.has(table.toLowerCase()));
}

/**
 * Whether a digest says whose rows it is about: the org column of every table that it names is compared with one value,
 * or is among the columns of what is inserted. A list of several values may be of several orgs.
 */
export function hasOrgPredicate(digest: string, tables: readonly OrgTable[]): boolean {
  return namedIn(digest, tables).every(({ orgColumn }) => {
    const column = `\`?\\b${orgColumn.replace(/\$/g, '\\$')}\\b\`?`;
    // What is selected into a table may be of every org, whatever columns it goes to.
    if (/^\s*(INSERT|REPLACE)\b/i.test(digest) && !/\bSELECT\b/i.test(digest)) {
      const columns = /^[^(]*\(([^)]*)\)/.exec(digest)?.[1] ?? '';
      if (new RegExp(column, 'i').test(columns)) return true;
    }
    // What an UPDATE sets, or a SELECT shows, is no condition.
    const condition = /\b(?:WHERE|ON)\b(.*)$/is.exec(digest)?.[1] ?? '';
    return new RegExp(
      `${column}\\s*(?:=|<=>)\\s*\\?|\\?\\s*(?:=|<=>)\\s*(?:\\w+\\.)?${column}|${column}\\s+IN\\s*\\(\\s*\\?\\s*\\)`,
      'i',
    ).test(condition);
  });
}
