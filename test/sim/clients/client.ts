import { ConnectionLost } from '../net/link.ts';
import { isRefusal, ProxyRefusal } from '../proxy/backend.ts';
import type { RoutedAnswer } from '../proxy/session.ts';
import type { LedgerRow, Version } from './ledger.ts';
import type { ClientConnection, ClientOptions } from './options.ts';

/** How long a client waits for an answer (milliseconds), and for its next try to connect. */
const patienceMs = 20_000;
const reconnectMs = 150;
/** So many times as long does a client think once it is calm. */
const calmFactor = 3;

interface Change {
  readonly row: LedgerRow;
  readonly version: Version;
  readonly sql: string;
}

/**
 * One application server's connection: writes rows of its own, each to a higher version than before, reads anybody's of
 * its org, and keeps the ledger of what it was told.
 */
export class Client {
  readonly #options: ClientOptions;
  readonly #rows: LedgerRow[] = [];
  #connection: ClientConnection | null = null;
  #nextId: number;
  #stopped = false;
  #calm = false;
  #working: Promise<'done' | 'failed'> = Promise.resolve('done');

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#nextId = options.firstId;
  }

  /** It goes past the proxies. */
  get bypasses(): boolean {
    return !this.#options.reads;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Works until `stop`. */
  async run(): Promise<void> {
    const { process, random, habits } = this.#options;
    while (!this.#stopped) {
      await process.clock.sleep(random.between(...habits.thinkMs) * (this.#calm ? calmFactor : 1));
      if (this.#stopped) return;
      await this.workOnce();
    }
  }

  /** From now on it works less: nothing goes wrong any more, and each event costs. */
  calm(): void {
    this.#calm = true;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** One piece of work, behind the one that is under way. */
  workOnce(): Promise<'done' | 'failed'> {
    this.#working = this.#working.then(() => this.#work());
    return this.#working;
  }

  async #work(): Promise<'done' | 'failed'> {
    const { random, habits, process } = this.#options;
    try {
      if (this.#connection?.open !== true) this.#connection = await this.#withPatience(this.#options.connect());
    } catch {
      this.#connection = null;
      await process.clock.sleep(reconnectMs);
      return 'failed';
    }
    if (random.chance(habits.transactions)) return this.#transaction();
    if (this.#options.reads && random.chance(0.35)) return this.#read();
    const change = this.#change();
    return this.#write(change);
  }

  /** One statement in autocommit mode. */
  async #write(change: Change): Promise<'done' | 'failed'> {
    const { ledger, onWrite, process } = this.#options;
    ledger.asked(change.row, change.version);
    const sentAtMs = process.clock.monotonicMs();
    try {
      const { host } = await this.#askToWrite(change.sql);
      ledger.settle(change.row, change.version, host);
      onWrite('acknowledged', process.clock.monotonicMs() - sentAtMs, null);
      return 'done';
    } catch (error) {
      this.#lost(change);
      onWrite(isRefusal(error) ? 'refused' : 'unknown', process.clock.monotonicMs() - sentAtMs, error);
      return 'failed';
    }
  }

  async #transaction(): Promise<'done' | 'failed'> {
    const { random, habits, process, ledger, onWrite } = this.#options;
    const changes: Change[] = [];
    const forgets = random.chance(habits.forgetful);
    const count = random.integer(1, 3);
    const hold = random.chance(habits.longTransactions) ? habits.longHoldMs : habits.holdMs;
    const sentAtMs = process.clock.monotonicMs();
    let committing = false;
    try {
      await this.#ask(forgets ? 'BEGIN' : this.#annotated('BEGIN'));
      for (let index = 0; index < count; index++) {
        const change = this.#change(changes.map(({ row }) => row));
        changes.push(change);
        await this.#askToWrite(change.sql);
        await process.clock.sleep(random.between(...hold) / count);
      }
      if (random.chance(0.1)) {
        await this.#ask(this.#annotated('ROLLBACK'));
        return 'done';
      }
      committing = true;
      for (const { row, version } of changes) ledger.asked(row, version);
      const { host } = await this.#ask(this.#annotated('COMMIT'));
      for (const { row, version } of changes) ledger.settle(row, version, host);
      onWrite('acknowledged', process.clock.monotonicMs() - sentAtMs, null);
      return 'done';
    } catch (error) {
      if (committing) for (const change of changes) this.#lost(change);
      onWrite(isRefusal(error) || !committing ? 'refused' : 'unknown', process.clock.monotonicMs() - sentAtMs, error);
      // Whatever is left of the transaction ends with the connection.
      this.#close();
      return 'failed';
    }
  }

  /** An UPDATE or DELETE that finds no row has written nothing, and the application sees that. */
  async #askToWrite(sql: string): Promise<RoutedAnswer> {
    const answer = await this.#ask(sql);
    if (answer.affectedRows === 0) throw new ProxyRefusal(0, 'no row was there to be written');
    return answer;
  }

  /** Reads a row of anybody of the org: what was acknowledged before must be seen, whoever serves. */
  async #read(): Promise<'done' | 'failed'> {
    const { random, ledger, orgId, onStaleRead } = this.#options;
    const rows = ledger.rows(orgId).filter(({ settled, maybe }) => settled !== null && !maybe.has(null));
    if (rows.length === 0) return 'done';
    const row = random.pick(rows);
    const before = { version: row.settled, host: row.ackedBy };
    try {
      const sql = this.#annotated(`SELECT Version FROM BigDB.${row.table} WHERE OrgID = ${orgId} AND ID = ${row.id}`);
      const { rows: found, host } = await this.#ask(sql);
      const seen = found[0] === undefined ? null : Number(found[0].Version);
      const older = seen === null || (before.version !== null && seen < before.version);
      const removedMeanwhile = row.settled === null || row.maybe.has(null);
      if (older && !removedMeanwhile && before.host !== null && host !== null) {
        onStaleRead(row, { version: before.version, host: before.host }, seen, host);
      }
      return 'done';
    } catch {
      return 'failed';
    }
  }

  /** A new row, a higher version of one of its own, or one removed. Rows of `taken` are in the transaction already. */
  #change(taken: readonly LedgerRow[] = []): Change {
    const { random, orgId, tables, ledger, name } = this.#options;
    const usable = this.#rows.filter((row) => !row.abandoned && row.settled !== null && !taken.includes(row));
    const row = usable.length === 0 ? undefined : random.pick(usable);
    if (row === undefined || random.chance(0.4)) {
      const created = ledger.begin(orgId, random.pick(tables), this.#nextId++, name);
      this.#rows.push(created);
      const values = `(${orgId}, ${created.id}, 1)`;
      return {
        row: created,
        version: 1,
        sql: this.#annotated(`INSERT INTO BigDB.${created.table} (OrgID, ID, Version) VALUES ${values}`),
      };
    }
    const where = `WHERE OrgID = ${orgId} AND ID = ${row.id}`;
    if (row.maybe.size === 0 && random.chance(0.08)) {
      return { row, version: null, sql: this.#annotated(`DELETE FROM BigDB.${row.table} ${where}`) };
    }
    const version = Math.max(...[row.settled, ...row.maybe].map((one) => one ?? 0)) + 1;
    const sql = `UPDATE BigDB.${row.table} SET Version = ${version} ${where} AND Version < ${version}`;
    return { row, version, sql: this.#annotated(sql) };
  }

  /** Nobody knows whether it was carried out, or will be. A row that may come or go at any time is left alone. */
  #lost({ row, version }: Change): void {
    if (version === null || row.settled === null) row.abandoned = true;
  }

  async #ask(sql: string): Promise<RoutedAnswer> {
    const connection = this.#connection;
    if (connection === null) throw new ConnectionLost('ECONNRESET', 'not connected');
    try {
      return await this.#withPatience(connection.query(sql));
    } catch (error) {
      if (!isRefusal(error)) this.#close();
      throw error;
    }
  }

  #close(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  #annotated(sql: string): string {
    return `${this.#options.annotation}${sql}`;
  }

  #withPatience<T>(work: Promise<T>): Promise<T> {
    const { clock } = this.#options.process;
    return new Promise((resolve, reject) => {
      const cancel = clock.after(patienceMs, () => reject(new ConnectionLost('ETIMEDOUT', 'no answer')));
      work.then(
        (value) => {
          cancel();
          resolve(value);
        },
        (error: unknown) => {
          cancel();
          reject(error);
        },
      );
    });
  }
}
