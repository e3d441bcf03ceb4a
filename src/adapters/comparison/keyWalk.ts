import { z } from 'zod';
import type { ReadView } from '../../ports/place.ts';
import type { Key } from '../../verification/chunks.ts';
import type { SidePlan } from './plan.ts';
import { cell, count, readRows } from './reply.ts';
import { Scan } from './scan.ts';
import { Statements } from './statements.ts';

const countRow = z.object({ row_count: count });
const keyRow = z.record(z.string(), cell);

/** The org's rows of one table by their keys alone, in the order of the primary key. */
export class KeyWalk {
  readonly #parts: number;
  readonly #statements: Statements;
  readonly #scan: Scan;

  constructor(plan: SidePlan, orgId: number) {
    this.#parts = plan.key.length;
    this.#statements = new Statements(plan, orgId);
    this.#scan = new Scan(plan);
  }

  /** Keys of the first rows behind `after`, or of all of them; fewer than `rows` are the last ones. */
  async first(view: ReadView, after: Key | null, rows: number): Promise<readonly Key[]> {
    const hint = await this.#scan.keysHint(view);
    const found = await readRows(view, keyRow, this.#statements.keys({ after, upTo: null }, rows, hint));
    return found.map((row) => Array.from({ length: this.#parts }, (_, part) => row[`k${part}`] ?? ''));
  }

  /** How many of these rows there are. */
  async present(view: ReadView, keys: readonly Key[]): Promise<number> {
    const [row] = await readRows(view, countRow, this.#statements.present(keys));
    return row?.row_count ?? 0;
  }

  async count(view: ReadView): Promise<number> {
    const [row] = await readRows(view, countRow, this.#statements.count(await this.#scan.keysHint(view)));
    return row?.row_count ?? 0;
  }
}
