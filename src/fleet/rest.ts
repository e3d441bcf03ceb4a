import type { Side } from '../ports/routing.ts';
import type { MigrationRow, Store, UnreadableRow } from '../ports/store.ts';

/** Rows that one question to the store brings. */
const pageSize = 500;

/** Where the orgs live that were ever held, by what the journals say; and who is in between. */
export interface OrgsAtRest {
  readonly sides: ReadonlyMap<number, Side>;
  /** Orgs that are held, or whose journal cannot be read: nothing can be compared with them now. */
  readonly moving: readonly number[];
}

/** Reads every org's newest migration: ids sort by the time they were made. */
export async function orgsAtRest(store: Pick<Store, 'list'>): Promise<OrgsAtRest> {
  const newest = new Map<number, MigrationRow | UnreadableRow>();
  for (let after: string | undefined; ; ) {
    const page = await store.list({ limit: pageSize, ...(after === undefined ? {} : { after }) });
    for (const row of page) {
      const known = newest.get(row.orgId);
      if (known === undefined || row.id > known.id) newest.set(row.orgId, row);
    }
    after = page.at(-1)?.id;
    if (page.length < pageSize) break;
  }
  const sides = new Map<number, Side>();
  const moving: number[] = [];
  for (const [orgId, { journal }] of newest) {
    const serving = journal?.context.serving ?? 'held';
    if (serving === 'held') moving.push(orgId);
    else if ((journal?.context.attempt ?? 0) > 0) sides.set(orgId, serving);
  }
  return { sides, moving };
}
