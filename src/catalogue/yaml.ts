import { Document, type YAMLSeq } from 'yaml';
import { type Catalogue, nameOf } from './catalogue.ts';
import type { Proposal } from './propose.ts';

/**
 * The `catalogue` of a configuration, as it is proposed: what was confirmed before stays, but for tables that are gone.
 * What cannot be moved stands behind it as comments, each with its reasons: somebody has to decide.
 */
export function catalogueYaml(proposals: readonly Proposal[], confirmed: Catalogue | null): string {
  const proposed = proposedCatalogue(proposals, confirmed);
  const catalogue = {
    version: proposed.version,
    tables: proposed.tables,
    techTables: proposed.techTables,
    ...(proposed.confirmed.length > 0 && { confirmed: proposed.confirmed }),
    ...(proposed.declared.length > 0 && { declared: proposed.declared }),
  };
  const document = new Document({ catalogue });
  for (const list of ['tables', 'techTables', 'confirmed', 'declared']) {
    const entries = document.getIn(['catalogue', list]) as YAMLSeq<{ flow?: boolean }> | undefined;
    for (const entry of entries?.items ?? []) entry.flow = true;
  }
  const named = new Set([...proposed.tables, ...proposed.techTables].map(nameOf));
  return [
    document.toString({ lineWidth: 0 }),
    ...proposals.flatMap((each) => remarks(each, named.has(nameOf(each)))),
  ].join('');
}

/** What would be confirmed: its version is the next one where it says anything new. */
export function proposedCatalogue(proposals: readonly Proposal[], confirmed: Catalogue | null): Catalogue {
  const found = new Map(proposals.map((each) => [nameOf(each), each]));
  const before = confirmed ?? { version: 0, tables: [], techTables: [], confirmed: [], declared: [] };
  const known = new Set([...before.tables, ...before.techTables].map(nameOf));
  const fresh = proposals.filter((each) => !known.has(nameOf(each)));
  const gone = (table: Parameters<typeof nameOf>[0]) => !found.has(nameOf(table));
  const tables = [
    // A table without an owner stays with the others.
    ...before.tables.filter((table) => !gone(table) && found.get(nameOf(table))?.kind !== 'tech'),
    ...fresh.flatMap(({ kind, schema, table, orgColumn }) =>
      kind === 'orgOwned' && orgColumn !== null ? [{ schema, table, orgColumn }] : [],
    ),
  ];
  const techTables = [
    ...before.techTables.filter((table) => !gone(table)),
    ...before.tables.filter((table) => found.get(nameOf(table))?.kind === 'tech'),
    ...fresh.filter(({ kind }) => kind === 'tech'),
  ].map(({ schema, table }) => ({ schema, table }));
  const same =
    JSON.stringify([tables, techTables].map((list) => list.map(nameOf))) ===
    JSON.stringify([before.tables, before.techTables].map((list) => list.map(nameOf)));
  const version = same ? before.version : before.version + 1;
  return { ...before, version, tables, techTables };
}

function remarks(each: Proposal, named: boolean): string[] {
  const name = nameOf(each);
  const keys = each.uniqueKeysToConfirm.map(
    (key) => `  # confirm: { code: UNIQUE_KEY_WITHOUT_ORG, of: ${name}.${key}, because: … }\n`,
  );
  if (each.kind !== 'unmovable') return keys;
  const left = named ? '' : ', left out';
  return [
    `  # ${name} cannot be moved as it is${left}:\n`,
    ...each.obstacles.map(({ text }) => `  #   ${text}\n`),
    ...keys,
  ];
}
