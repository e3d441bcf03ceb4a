import type { KeyFacts, TableFacts } from '../ports/inventory.ts';

/**
 * Unique keys in which rows of different orgs may meet: neither the org is part of them, nor an AUTO_INCREMENT column,
 * whose numbers the places share out. Rows born on a cluster could there collide with another org's that come in.
 */
export function uniqueKeysWithoutOrg({ columns, keys }: TableFacts, orgColumn: string): readonly KeyFacts[] {
  const sharedOut = columns.filter(({ autoIncrement }) => autoIncrement).map(({ name }) => name.toLowerCase());
  const apart = new Set([orgColumn.toLowerCase(), ...sharedOut]);
  return keys.filter(
    ({ unique, columns: parts }) => unique && !parts.some((part) => part !== null && apart.has(part.toLowerCase())),
  );
}
