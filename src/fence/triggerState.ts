import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import { TRIGGER_PREFIX } from './schema.ts';
import { select } from './sql.ts';

const text = z.union([z.string(), z.instanceof(Buffer)]).transform(String);
const triggerRow = z.object({ schema: text, table: text, name: text, event: text, definer: text });
const accountRow = z.object({ user: text, host: text });

/** A trigger of the fence as it is at a place. */
export type InstalledTrigger = z.infer<typeof triggerRow>;

/** All triggers of the fence, whatever table they are on. */
export function ownTriggers(connection: Connection): Promise<InstalledTrigger[]> {
  return select(
    connection,
    triggerRow,
    `SELECT TRIGGER_SCHEMA AS \`schema\`, EVENT_OBJECT_TABLE AS \`table\`, TRIGGER_NAME AS name,
       EVENT_MANIPULATION AS event, DEFINER AS definer
     FROM information_schema.TRIGGERS WHERE LEFT(TRIGGER_NAME, ?) = ?`,
    [TRIGGER_PREFIX.length, TRIGGER_PREFIX],
  );
}

/** Definers that no longer exist: every write to their tables fails. */
export async function definersGone(
  connection: Connection,
  triggers: readonly InstalledTrigger[],
): Promise<readonly string[]> {
  const definers = [...new Set(triggers.map((trigger) => trigger.definer))];
  if (definers.length === 0) return [];
  const accounts = await select(connection, accountRow, 'SELECT User AS user, Host AS host FROM mysql.user');
  const known = new Set(accounts.map(({ user, host }) => `${user}@${host}`));
  return definers.filter((definer) => !known.has(definer));
}
