import type { TableFacts } from '../ports/inventory.ts';

/** Spellings of an org's number that are tried beside those of the configuration. */
const usual = ['OrgID', 'OrganisationID', 'OrganizationID'];

/** `org_id` and `OrgID` are one name. */
const plain = (name: string) => name.replaceAll('_', '').toLowerCase();

/** The names by which an org column is known: those of the configuration before the usual ones. */
export function orgColumnNames(known: readonly string[]): readonly string[] {
  return [...new Set([...known, ...usual].map(plain))];
}

/** Columns that may say whose a row is. One that has the very name stands alone: `CarrierOrgID` beside it is data. */
export function orgColumnsOf({ columns }: Pick<TableFacts, 'columns'>, names: readonly string[]): readonly string[] {
  for (const name of names) {
    const exact = columns.filter((column) => plain(column.name) === name);
    if (exact.length > 0) return exact.map((column) => column.name);
  }
  return columns
    .filter((column) => names.some((name) => plain(column.name).endsWith(name)))
    .map((column) => column.name);
}

export const isInteger = (type: string): boolean => /^(tiny|small|medium|big)?int\b/i.test(type);
