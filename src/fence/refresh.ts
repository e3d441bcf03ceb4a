import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import { arrival, keyOf, siteSide, sitesInOrder } from './install.ts';
import { DEFAULT_PATIENCE, type FencePatience, type FencePlan } from './plan.ts';
import { prepare, quoted, runDdl, select } from './sql.ts';
import { ownTriggers } from './triggerState.ts';
import { type FenceTrigger, fenceTriggers } from './triggers.ts';

/** What a refreshing did. */
export interface FenceRefreshReport {
  readonly tablesRefreshed: number;
}

const createdRow = z.object({ name: z.string(), created: z.coerce.number() });

/**
 * Has the sites read the triggers of every fenced table again. MariaDB (10.11.19, measured) keeps a table with triggers
 * half read when a statement is killed while it opens the table, by KILL or `max_statement_time`; every write through
 * what is kept fails. One trigger of each table is defined anew, as it is: that drops all that is kept of the table, and
 * waits for nobody who reads it now, as FLUSH TABLES would.
 */
export async function refreshFence(
  plan: Pick<FencePlan, 'sites' | 'tables' | 'users'>,
  patience: FencePatience = DEFAULT_PATIENCE,
): Promise<FenceRefreshReport> {
  const [first, ...others] = sitesInOrder(plan.sites);
  if (first === undefined) return { tablesRefreshed: 0 };
  for (const { connection } of plan.sites) await prepare(connection);
  const definers = new Map((await ownTriggers(first.connection)).map((each) => [keyOf(each), each.definer]));
  const wanted = plan.tables.flatMap((table) =>
    fenceTriggers(table, siteSide(plan), plan.users)
      .filter((trigger) => definers.has(keyOf(trigger)))
      .slice(0, 1),
  );
  for (const trigger of wanted) {
    // Whoever runs this, the trigger stays its owner's.
    const replaced = `CREATE OR REPLACE DEFINER = ${account(definers.get(keyOf(trigger)) ?? '')} TRIGGER`;
    const again = trigger.createSql.replace(/^CREATE TRIGGER/, () => replaced);
    await runDdl(first.connection, first.name, again, patience.lockAttempts);
  }
  // The sites replicate: what is defined at one is defined at all, with the time of the first.
  const madeMs = await createdMs(first.connection, wanted);
  for (const site of others) {
    const again = async () => {
      const here = await createdMs(site.connection, wanted);
      return [...madeMs].every(([trigger, made]) => (here.get(trigger) ?? 0) >= made);
    };
    await arrival(site, 'the triggers', again, patience);
  }
  return { tablesRefreshed: wanted.length };
}

/** `owner@%` as a statement takes it. */
function account(definer: string): string {
  const at = definer.lastIndexOf('@');
  return `${quoted(definer.slice(0, at))}@${quoted(definer.slice(at + 1))}`;
}

async function createdMs(connection: Connection, triggers: readonly FenceTrigger[]): Promise<Map<string, number>> {
  if (triggers.length === 0) return new Map();
  const rows = await select(
    connection,
    createdRow,
    `SELECT CONCAT(TRIGGER_SCHEMA, '.', TRIGGER_NAME) AS name, UNIX_TIMESTAMP(CREATED) * 1000 AS created
       FROM information_schema.TRIGGERS WHERE (TRIGGER_SCHEMA, TRIGGER_NAME) IN (?)`,
    [triggers.map(({ schema, name }) => [schema, name])],
  );
  return new Map(rows.map(({ name, created }) => [name, created]));
}
