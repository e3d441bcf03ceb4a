import type { WorkloadContext } from './context.ts';
import type { RowState } from './ledger.ts';
import type { ClientSession } from './session.ts';
import { QUEUED } from './tables/cdrTasks.ts';
import {
  applicationBlob,
  callLogs,
  cdrTasks,
  compositeUsage,
  everyType,
  recordingMetadata,
  type TableKind,
  wholesaleCallCostCache,
} from './tables/index.ts';
import type { PlannedWrite } from './tables/kind.ts';
import type { TokenBucket } from './tokenBucket.ts';
import { type AcknowledgedWrite, autocommit, transaction, type UnitResult } from './unit.ts';

type Action = 'insert' | 'update' | 'remove';

/** How often each kind of write comes, in parts of their sum. */
const MIX: readonly (readonly [TableKind, Action, number])[] = [
  [callLogs, 'insert', 38],
  [cdrTasks, 'insert', 14],
  [cdrTasks, 'update', 16],
  [recordingMetadata, 'insert', 5],
  [recordingMetadata, 'update', 5],
  [applicationBlob, 'insert', 2],
  [applicationBlob, 'update', 2],
  [applicationBlob, 'remove', 1],
  [wholesaleCallCostCache, 'insert', 5],
  [wholesaleCallCostCache, 'update', 5],
  [wholesaleCallCostCache, 'remove', 2],
  [compositeUsage, 'insert', 2],
  [compositeUsage, 'update', 5],
  [compositeUsage, 'remove', 1],
  [everyType, 'insert', 1],
];
const MIX_TOTAL = MIX.reduce((sum, [, , parts]) => sum + parts, 0);

const SHARE_OF_TRANSACTIONS = 0.2;
const SHARE_OF_READ_BACKS = 0.05;
/** Rows of each table that a writer goes on changing; older ones are left in peace. */
const OWN_ROWS_PER_TABLE = 300;

/** A row that only this writer changes. */
export interface OwnRow {
  readonly key: string;
  readonly state: RowState;
}

export interface WriterOptions {
  readonly context: WorkloadContext;
  readonly session: ClientSession;
  readonly bucket: TokenBucket;
  /** Share of BEGINs without annotation, 0 to 1. */
  readonly forgetShare: number;
}

/** One client that writes: autocommit and transactions, text and prepared statements, one statement at a time. */
export class Writer {
  readonly #context: WorkloadContext;
  readonly #session: ClientSession;
  readonly #bucket: TokenBucket;
  readonly #forgetShare: number;
  readonly #ownRows = new Map<TableKind, OwnRow[]>();

  constructor({ context, session, bucket, forgetShare }: WriterOptions) {
    this.#context = context;
    this.#session = session;
    this.#bucket = bucket;
    this.#forgetShare = forgetShare;
  }

  /** Takes over a row that is there already. */
  adopt(table: TableKind, row: OwnRow): void {
    this.#context.ledger(this.#session.org.orgId).adopt(table.name, row.key, row.state);
    this.#own(table).push(row);
  }

  /** Writes until the workload stops. */
  async run(): Promise<void> {
    for (;;) {
      const size = Math.random() < SHARE_OF_TRANSACTIONS ? 2 + Math.floor(Math.random() * 3) : 1;
      if (!(await this.#bucket.take(size, this.#context.signal))) return;
      const plans = this.#plan(size);
      const [first] = plans;
      if (first === undefined) continue;
      const result =
        size === 1
          ? await autocommit(this.#context, this.#session, first)
          : await transaction(this.#context, this.#session, () => plans, {
              annotateBegin: Math.random() >= this.#forgetShare,
            });
      this.#remember(plans, result);
      await this.#readBack(result.acknowledged.at(-1));
    }
  }

  #own(table: TableKind): OwnRow[] {
    let rows = this.#ownRows.get(table);
    if (rows === undefined) {
      rows = [];
      this.#ownRows.set(table, rows);
    }
    return rows;
  }

  /** Plans writes to different rows. Rows that are changed are taken out of the own ones until the result is known. */
  #plan(size: number): PlannedWrite[] {
    return Array.from({ length: size }, () => {
      const [table, action] = pick();
      const input = {
        orgId: this.#session.org.orgId,
        writeId: this.#context.ids.next(),
        prepared: Math.random() < 0.5,
      };
      const change = action === 'insert' ? undefined : table[action];
      const rows = this.#own(table);
      if (change === undefined || rows.length === 0) return table.insert(input);
      const index = Math.floor(Math.random() * rows.length);
      const [row] = rows.splice(index, 1) as [OwnRow];
      this.#taken.set(`${table.name}/${row.key}`, row);
      return change.call(table, { ...input, key: row.key, before: row.state });
    });
  }

  readonly #taken = new Map<string, OwnRow>();

  #remember(plans: readonly PlannedWrite[], { acknowledged, retired, missed }: UnitResult): void {
    for (const { plan, key } of acknowledged) {
      // Queued tasks belong to the CDR worker, old calls to retention.
      const isOurs = plan.after.present && plan.after.status !== QUEUED && plan.table !== callLogs;
      const rows = this.#own(plan.table);
      if (isOurs && rows.length < OWN_ROWS_PER_TABLE) rows.push({ key, state: plan.after });
    }
    const settled = new Set<PlannedWrite>([...acknowledged.map((one) => one.plan), ...retired, ...missed]);
    for (const plan of plans) {
      const taken = this.#taken.get(`${plan.table.name}/${plan.key}`);
      if (taken !== undefined && !settled.has(plan)) this.#own(plan.table).push(taken);
    }
    this.#taken.clear();
  }

  /** A client sees its own last write, on the same connection, also when the org has moved in between. */
  async #readBack(last: AcknowledgedWrite | undefined): Promise<void> {
    if (last?.plan.table !== cdrTasks || last.plan.after.status === QUEUED) return;
    if (Math.random() >= SHARE_OF_READ_BACKS || this.#context.signal.aborted) return;
    const { orgId } = this.#session.org;
    const sql = 'SELECT WriteId FROM CdrTasks WHERE OrgID = ? AND TaskID = ?';
    try {
      const [row] = await this.#session.read({ sql, values: [orgId, Number(last.key)], prepared: false });
      if (Number(row?.WriteId) !== last.plan.after.writeId) this.#context.staleReads += 1;
    } catch (error) {
      if (this.#context.signal.aborted) return;
      this.#context.errors.record(orgId, this.#session.proxy.name, sql, error);
      this.#session.disconnect();
    }
  }
}

function pick(): readonly [TableKind, Action] {
  let left = Math.random() * MIX_TOTAL;
  for (const [table, action, parts] of MIX) {
    left -= parts;
    if (left < 0) return [table, action];
  }
  return [callLogs, 'insert'];
}
