import { z } from 'zod';
import { StoreSchemaNewerError, StoreUnavailableError } from '../../errors/store.ts';
import type { StoreConnection } from './connection.ts';
import { statements as first } from './migrations/0001.ts';
import { statements as second } from './migrations/0002.ts';
import { statements as third } from './migrations/0003.ts';
import { statements as fourth } from './migrations/0004.ts';
import { statements as fifth } from './migrations/0005.ts';
import { statements as sixth } from './migrations/0006.ts';
import { statements as seventh } from './migrations/0007.ts';
import { statements as ninth } from './migrations/0009.ts';

/** Every migration of the store's schema, in order; the number is the index plus one. Empty ones change nothing. */
const migrations: readonly (readonly Step[])[] = [first, second, third, fourth, fifth, sixth, seventh, [], ninth];

/** A statement, or work that takes several. */
type Step = string | ((connection: StoreConnection) => Promise<void>);

/** What ALTER TABLE … ADD COLUMN and ADD KEY answer where an earlier run was cut off between them and their record. */
const isThere: ReadonlySet<unknown> = new Set([1060, 1061]);

/** What a SELECT answers where nobody has made the table yet. */
const noSuchTable = 1146;

/** Longest time for a look, for the lock beside what the server waits for it, and for one change (milliseconds). */
const lookWithinMs = 5_000;
const lockWithinMs = 65_000;
const changeWithinMs = 900_000;
/** Longest rest of who has the lock (whole seconds): the server throws out one that was cut off, and the next goes on. */
const idleSeconds = 2;

const lockRow = z.object({ given: z.coerce.number().int().nullable() });
const stepRow = z.object({ version: z.coerce.number().int() });

/**
 * Brings the schema up to date, under a named lock, so that controllers started together do it once; where it is up to
 * date already nobody waits for anybody. DDL commits by itself: each statement is recorded, and a run that was cut off
 * goes on behind the last one that was. Throws `StoreSchemaNewerError`, `StoreUnavailableError`.
 */
export async function migrateSchema(connection: StoreConnection): Promise<void> {
  if (isComplete(await appliedSteps(connection))) return;
  await connection.query(
    timed(
      `CREATE TABLE IF NOT EXISTS schema_steps (
         version INT NOT NULL, step INT NOT NULL, applied_at DATETIME(3) NOT NULL, PRIMARY KEY (version, step)
       ) ENGINE=InnoDB`,
      changeWithinMs,
    ),
  );
  await connection.query(timed(`SET SESSION wait_timeout = ${idleSeconds}`, lookWithinMs));
  const lock = `SELECT GET_LOCK(CONCAT('bigdb_cutover_schema_', DATABASE()), 60) AS given`;
  const [given] = await connection.query(timed(lock, lockWithinMs));
  if (lockRow.parse((given as unknown[])[0]).given !== 1) {
    throw new StoreUnavailableError('store: another controller has been changing the schema for a minute');
  }
  const applied = await appliedSteps(connection);
  for (const [index, steps] of migrations.entries()) {
    await applyVersion(connection, index + 1, steps, applied.get(index + 1) ?? 0);
  }
  // Behind an error the connection is thrown away, and the lock with it.
  await connection.query(timed(`SELECT RELEASE_LOCK(CONCAT('bigdb_cutover_schema_', DATABASE()))`, lookWithinMs));
  await connection.query(timed('SET SESSION wait_timeout = DEFAULT', lookWithinMs));
}

const timed = (sql: string, timeout: number) => ({ sql, timeout });

/** How many steps of each version were carried out. Throws `StoreSchemaNewerError` where one is not known here. */
async function appliedSteps(connection: StoreConnection): Promise<ReadonlyMap<number, number>> {
  const applied = new Map<number, number>();
  for (const row of await stepRows(connection)) {
    const { version } = stepRow.parse(row);
    if (version > migrations.length) throw new StoreSchemaNewerError(version, migrations.length);
    applied.set(version, (applied.get(version) ?? 0) + 1);
  }
  return applied;
}

async function stepRows(connection: StoreConnection): Promise<readonly unknown[]> {
  try {
    const [rows] = await connection.query(timed('SELECT version FROM schema_steps', lookWithinMs));
    return rows as unknown[];
  } catch (error) {
    if ((error as { errno?: unknown }).errno === noSuchTable) return [];
    throw error;
  }
}

function isComplete(applied: ReadonlyMap<number, number>): boolean {
  return migrations.every((steps, index) => (applied.get(index + 1) ?? 0) >= steps.length);
}

async function applyVersion(
  connection: StoreConnection,
  version: number,
  steps: readonly Step[],
  done: number,
): Promise<void> {
  for (let step = done; step < steps.length; step++) {
    await carryOut(connection, steps[step] ?? '');
    await connection.query(timed('INSERT INTO schema_steps VALUES (?, ?, NOW(3))', lookWithinMs), [version, step]);
  }
}

async function carryOut(connection: StoreConnection, step: Step): Promise<void> {
  if (typeof step !== 'string') return step(connection);
  try {
    await connection.query(timed(step, changeWithinMs));
  } catch (error) {
    if (!isThere.has((error as { errno?: unknown }).errno)) throw error;
  }
}
