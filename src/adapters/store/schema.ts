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

const lockRow = z.object({ given: z.coerce.number().int().nullable() });
const versionRow = z.object({ version: z.coerce.number().int() });

/**
 * Brings the schema up to date under a named lock, so that controllers started together do it once. DDL commits by
 * itself: each statement is recorded, and a run that was cut off goes on behind the last one that was.
 */
export async function migrateSchema(connection: StoreConnection): Promise<void> {
  await connection.query(
    `CREATE TABLE IF NOT EXISTS schema_steps (
       version INT NOT NULL, step INT NOT NULL, applied_at DATETIME(3) NOT NULL, PRIMARY KEY (version, step)
     ) ENGINE=InnoDB`,
  );
  const [given] = await connection.query(`SELECT GET_LOCK(CONCAT('bigdb_cutover_schema_', DATABASE()), 60) AS given`);
  if (lockRow.parse((given as unknown[])[0]).given !== 1) {
    throw new StoreUnavailableError('store: another controller has been changing the schema for a minute');
  }
  try {
    const [newest] = await connection.query('SELECT COALESCE(MAX(version), 0) AS version FROM schema_steps');
    const found = versionRow.parse((newest as unknown[])[0]).version;
    if (found > migrations.length) throw new StoreSchemaNewerError(found, migrations.length);
    for (const [index, steps] of migrations.entries()) await applyVersion(connection, index + 1, steps);
  } finally {
    await connection.query(`SELECT RELEASE_LOCK(CONCAT('bigdb_cutover_schema_', DATABASE()))`);
  }
}

async function applyVersion(connection: StoreConnection, version: number, steps: readonly Step[]): Promise<void> {
  const [rows] = await connection.query('SELECT COUNT(*) AS version FROM schema_steps WHERE version = ?', [version]);
  const done = versionRow.parse((rows as unknown[])[0]).version;
  for (let step = done; step < steps.length; step++) {
    await carryOut(connection, steps[step] ?? '');
    await connection.query('INSERT INTO schema_steps VALUES (?, ?, NOW(3))', [version, step]);
  }
}

async function carryOut(connection: StoreConnection, step: Step): Promise<void> {
  if (typeof step !== 'string') return step(connection);
  try {
    await connection.query(step);
  } catch (error) {
    if (!isThere.has((error as { errno?: unknown }).errno)) throw error;
  }
}
