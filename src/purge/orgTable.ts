import { KeyWalk } from '../adapters/comparison/keyWalk.ts';
import { planTable } from '../adapters/comparison/plan.ts';
import { RowCopy } from '../adapters/comparison/rowCopy.ts';
import { PurgeSitesDifferError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import { type PlaceShapes, shapeDifferences } from '../estate/shapes.ts';
import type { OrgTable, Place, ReadView } from '../ports/place.ts';
import type { Key } from '../verification/index.ts';

/** Who removes an org's rows. */
export interface RowOwner {
  readonly orgId: number;
  readonly epoch: number;
}

/** What a chunk came to. */
export interface Chunk {
  readonly deleted: number;
  /** Key of its last row; null where nothing was left. */
  readonly last: Key | null;
}

/**
 * One table of an org at the sites. Rows are deleted at the first site and go from the others by replication, which
 * stops at a row that it does not find: so every row of a chunk is looked for at every site before it is deleted.
 */
export class OrgTableRows {
  readonly table: OrgTable;
  readonly #owner: RowOwner;
  readonly #site: Place;
  readonly #others: readonly { readonly place: Place; readonly walk: KeyWalk }[];
  readonly #walk: KeyWalk;
  readonly #remove: (keys: readonly Key[]) => string;

  constructor(table: OrgTable, owner: RowOwner, sites: readonly { place: Place; shapes: PlaceShapes['shapes'] }[]) {
    const [first, ...others] = sites.map(({ place, shapes }) => ({
      place,
      shapes,
      plan: planTable(table, shapes, shapes).source,
    }));
    const shape = first?.shapes.find((each) => each.table === table.table);
    if (first === undefined || shape === undefined) throw new RangeError(`no site has the table ${table.table}`);
    const copy = new RowCopy(first.plan, shape, table, owner.orgId);
    this.table = table;
    this.#owner = owner;
    this.#site = first.place;
    this.#walk = new KeyWalk(first.plan, owner.orgId);
    this.#others = others.map(({ place, plan }) => ({ place, walk: new KeyWalk(plan, owner.orgId) }));
    this.#remove = (keys) => copy.remove(keys);
  }

  /** Rows by site, the first one's first. Reads in a view, so that nobody waits for a count. */
  async count(signal: AbortSignal): Promise<readonly { readonly site: string; readonly rows: number }[]> {
    const all = [{ place: this.#site, walk: this.#walk }, ...this.#others];
    return Promise.all(
      all.map(async ({ place, walk }) => ({
        site: place.name,
        rows: await inView(place, signal, (view) => walk.count(view)),
      })),
    );
  }

  /** Removes the first rows behind `after`. Throws `PurgeSitesDifferError`, `StaleEpochError`, `RepairRefusedError`. */
  async removeChunk(after: Key | null, rows: number, signal: AbortSignal): Promise<Chunk> {
    const owner = { ...this.#owner, writer: 'nobody' } as const;
    const keys = await this.#site.repairRows(owner, signal, (transaction) =>
      this.#walk.first(transaction, after, rows),
    );
    if (keys.length === 0) return { deleted: 0, last: null };
    for (const { place, walk } of this.#others) {
      const present = await place.repairRows(owner, signal, (transaction) => walk.present(transaction, keys));
      if (present !== keys.length) {
        const missing = `${keys.length - present} of ${keys.length} rows of ${this.#site.name} are missing at ${place.name}`;
        throw new PurgeSitesDifferError(this.#owner.orgId, this.table.table, missing);
      }
    }
    const deleted = await this.#site.repairRows(owner, signal, (transaction) => transaction.run(this.#remove(keys)));
    return { deleted, last: keys.at(-1) ?? null };
  }
}

/** The org's tables that the sites have. Throws `PurgeSitesDifferError` where they have them in different shapes. */
export async function orgTables(
  { sites, tables }: Pick<Estate, 'sites' | 'tables'>,
  owner: RowOwner,
): Promise<readonly OrgTableRows[]> {
  const shaped = await Promise.all(sites.map(async (place) => ({ place, shapes: await place.shapes(tables) })));
  const [first, ...others] = shaped.map(({ place, shapes }) => ({ place: place.name, shapes }));
  for (const other of others) {
    const differences = first === undefined ? [] : shapeDifferences(first, other);
    // One that no site has is nobody's.
    const [difference] = differences.filter(({ table }) => [first, other].some((site) => has(site, table)));
    if (difference !== undefined) throw new PurgeSitesDifferError(owner.orgId, difference.table, difference.text);
  }
  return tables.filter(({ table }) => has(first, table)).map((table) => new OrgTableRows(table, owner, shaped));
}

const has = (site: PlaceShapes | undefined, name: string) =>
  site?.shapes.some(({ table, exists }) => exists && table === name) === true;

async function inView<T>(place: Place, signal: AbortSignal, work: (view: ReadView) => Promise<T>): Promise<T> {
  const [view] = await place.openViews(1, signal);
  if (view === undefined) throw new RangeError('no view was opened');
  try {
    return await work(view);
  } finally {
    await view.close();
  }
}
