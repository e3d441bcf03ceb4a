import type { QueryOptions } from 'mysql2';
import { z } from 'zod';
import type { Clock } from '../../ports/clock.ts';
import type { Dialect } from './dialect.ts';
import { errorNumber } from './failures.ts';
import { type Limits, watchLimits } from './limits.ts';
import type { Wire, WireField } from './wire.ts';

/** A value of a read view: nothing of what the server sent is lost. */
export type RawValue = string | Buffer | null;

const header = z.object({ affectedRows: z.number() });
const buffers = z.array(z.record(z.string(), z.instanceof(Buffer).nullable()));

/** Lists of rows by the schema of a row: making a schema costs more than most queries' rows. */
const lists = new WeakMap<z.ZodType, z.ZodType>();

function listOf<T>(row: z.ZodType<T>): z.ZodType<T[]> {
  const known = lists.get(row) as z.ZodType<T[]> | undefined;
  if (known !== undefined) return known;
  const made = z.array(row);
  lists.set(row, made);
  return made;
}

/** Field types that are bytes where the character set is binary (63); BIT and spatial values always are. */
const BYTES_IF_BINARY: ReadonlySet<number> = new Set([0x0f, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe]);
const ALWAYS_BYTES: ReadonlySet<number> = new Set([0x10, 0xff]);
const BINARY_CHARACTER_SET = 63;

/** How a session behaves. */
export interface SessionOptions {
  readonly clock: Clock;
  readonly defaultTimeoutMs: number;
  /** Told when a statement was given up and the connection closed: the server may still be at it. */
  readonly abandoned: (session: Session) => void;
}

/**
 * One connection while it is lent out. After anything that leaves its state unknown (a time-out, an abort, a lost
 * connection, a transaction that could not be ended) it is not `usable` any more, and is never lent again.
 */
export class Session {
  readonly dialect: Dialect;
  readonly threadId: number;
  /** Value of innodb_lock_wait_timeout on this connection, seconds; who changes it keeps it up to date. */
  lockWaitSeconds = 0;
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #defaultTimeoutMs: number;
  readonly #abandoned: (session: Session) => void;
  readonly #pending = new Set<(reason: unknown) => void>();
  #usable = true;
  #inTransaction = false;

  constructor(wire: Wire, dialect: Dialect, options: SessionOptions) {
    this.#wire = wire;
    this.#clock = options.clock;
    this.dialect = dialect;
    this.threadId = wire.connection.threadId ?? 0;
    this.#defaultTimeoutMs = options.defaultTimeoutMs;
    this.#abandoned = options.abandoned;
  }

  /** The connection is still there and answers in order. */
  get alive(): boolean {
    return this.#usable;
  }

  /** May be lent to the next caller. */
  get usable(): boolean {
    return this.#usable && !this.#inTransaction && this.#pending.size === 0;
  }

  /** Closes the connection; what still waits for an answer is rejected with `reason`. */
  discard(reason: unknown): void {
    this.#usable = false;
    this.#wire.sever();
    for (const reject of this.#pending) reject(reason);
    this.#pending.clear();
  }

  /** Rows of a query, each parsed. */
  async rows<T>(schema: z.ZodType<T>, sql: string, values: readonly unknown[] = [], limits: Limits = {}): Promise<T[]> {
    const { result } = await this.#send({ sql, values: [...values] }, limits);
    return listOf(schema).parse(result);
  }

  /** The one row that there may be. */
  async row<T>(
    schema: z.ZodType<T>,
    sql: string,
    values: readonly unknown[] = [],
    limits: Limits = {},
  ): Promise<T | null> {
    return (await this.rows(schema, sql, values, limits))[0] ?? null;
  }

  /** Rows as the server sent them: text in UTF-8, bytes as Buffers, nothing rounded or reformatted. */
  async rawRows(
    sql: string,
    values: readonly unknown[],
    limits: Limits = {},
  ): Promise<readonly Record<string, RawValue>[]> {
    const { result, fields } = await this.#send(
      { sql, values: [...values], typeCast: (field) => field.buffer() },
      limits,
    );
    const rows = buffers.parse(result);
    const textFields = fields.filter((field) => !isBytes(field)).map((field) => field.name);
    return rows.map((row) => {
      const converted: Record<string, RawValue> = { ...row };
      for (const name of textFields) converted[name] = row[name]?.toString('utf8') ?? null;
      return converted;
    });
  }

  /** Runs a statement and gives the number of rows that it matched or removed. */
  async run(sql: string, values: readonly unknown[] = [], limits: Limits = {}): Promise<number> {
    const { result } = await this.#send({ sql, values: [...values] }, limits);
    return header.parse(result).affectedRows;
  }

  /** Runs `work` in a transaction; commits, or rolls back and throws what it threw. */
  async transaction<T>(work: () => Promise<T>, limits: Limits = {}): Promise<T> {
    this.#inTransaction = true;
    try {
      await this.run('START TRANSACTION', [], limits);
      const result = await work();
      await this.run('COMMIT', [], limits);
      this.#inTransaction = false;
      return result;
    } catch (error) {
      if (this.#usable) await this.#rollBack();
      throw error;
    }
  }

  async #rollBack(): Promise<void> {
    try {
      await this.run('ROLLBACK');
      this.#inTransaction = false;
    } catch (error) {
      // The connection ends, and the transaction with it; the error that led here is the one to tell.
      this.discard(error);
    }
  }

  #send(options: QueryOptions, limits: Limits): Promise<{ result: unknown; fields: readonly WireField[] }> {
    limits.signal?.throwIfAborted();
    const timeoutMs = limits.timeoutMs ?? this.#defaultTimeoutMs;
    return new Promise((resolve, reject) => {
      const stop = watchLimits(this.#clock, 'the statement', { signal: limits.signal, timeoutMs }, (reason) => {
        this.discard(reason);
        this.#abandoned(this);
      });
      const fail = (reason: unknown) => {
        stop();
        reject(reason);
      };
      this.#pending.add(fail);
      this.#wire.connection.query(options, (error: unknown, result: unknown, fields?: readonly WireField[]) => {
        this.#pending.delete(fail);
        if (error === null || error === undefined) {
          stop();
          resolve({ result, fields: fields ?? [] });
          return;
        }
        // An error that is not the server's answer means that the connection is gone.
        if ((errorNumber(error) ?? 0) < 1000) this.#usable = false;
        fail(error);
      });
    });
  }
}

function isBytes(field: WireField): boolean {
  const type = field.columnType ?? field.type ?? 0;
  if (ALWAYS_BYTES.has(type)) return true;
  return BYTES_IF_BINARY.has(type) && field.characterSet === BINARY_CHARACTER_SET;
}
