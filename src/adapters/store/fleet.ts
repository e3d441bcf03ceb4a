import { z } from 'zod';
import type { FleetChange, FleetRow, FleetStore } from '../../ports/fleet.ts';
import { type StorePool, type StoreSession, transaction, withSession } from './connection.ts';

const int = z.coerce.number().int();
const evidenceSchema = z.record(z.string(), z.unknown());
const factsSchema = z.object({
  version: z.string(),
  trafficPorts: z.array(z.number()),
  monitorEveryMs: z.number().nullable(),
});
const stateRow = z.object({ revision: int, joining: z.string().nullable() });
const nameRow = z.object({ name: z.string() });
const proxyRow = z.object({
  name: z.string(),
  standing: z.enum(['member', 'removed']),
  since_ms: int,
  actor: z.string().nullable(),
  reason: z.string().nullable(),
  evidence: z.string(),
  facts: z.string().nullable(),
});

function toFleetRow(raw: unknown): FleetRow {
  const { since_ms, evidence, facts, ...row } = proxyRow.parse(raw);
  return {
    ...row,
    sinceMs: since_ms,
    evidence: evidenceSchema.parse(JSON.parse(evidence)),
    facts: facts === null ? null : factsSchema.parse(JSON.parse(facts)),
  };
}

/** The one row that every change locks first; a flip's commit reads it. */
const lockState = `SELECT revision, IF(joining_until > UTC_TIMESTAMP(3), joining, NULL) AS joining FROM fleet_state WHERE id = 1`;

async function change(session: StoreSession, standing: 'member' | 'removed', to: FleetChange): Promise<void> {
  const evidence = JSON.stringify(to.evidence);
  await session.write(`INSERT IGNORE INTO fleet_proxies (name, standing, since_ms, evidence) VALUES (?, ?, ?, ?)`, [
    to.name,
    standing,
    to.atMs,
    evidence,
  ]);
  await session.write(
    'UPDATE fleet_proxies SET standing = ?, since_ms = ?, actor = ?, reason = ?, evidence = ? WHERE name = ?',
    [standing, to.atMs, to.actor, to.reason, evidence, to.name],
  );
  await session.write(
    'INSERT INTO fleet_changes (name, standing, at_ms, actor, reason, evidence) VALUES (?, ?, ?, ?, ?, ?)',
    [to.name, standing, to.atMs, to.actor, to.reason, evidence],
  );
  await session.write('UPDATE fleet_state SET revision = revision + 1 WHERE id = 1');
}

/** Membership by the store's own clock: the controllers' clocks are never compared. */
export function fleetOperations(pool: StorePool): FleetStore {
  return {
    enrolFleet: (names, atMs) =>
      transaction(pool, 'enrol the fleet', async (session) => {
        await session.rows(`${lockState} FOR UPDATE`);
        const known = new Set(
          (await session.rows('SELECT name FROM fleet_proxies')).map((row) => nameRow.parse(row).name),
        );
        const fresh = names.filter((name) => !known.has(name));
        if (fresh.length === 0) return;
        const held = await session.rows('SELECT migration_id FROM attempts LIMIT 1');
        if (known.size > 0 && held.length > 0) return;
        for (const name of fresh) {
          await session.write(
            `INSERT INTO fleet_proxies (name, standing, since_ms, evidence) VALUES (?, 'member', ?, '{}')`,
            [name, atMs],
          );
        }
        await session.write('UPDATE fleet_state SET revision = revision + 1 WHERE id = 1');
      }),

    readFleet: () =>
      transaction(pool, 'read the fleet', async (session) => {
        const [state] = await session.rows(lockState);
        const proxies = await session.rows('SELECT * FROM fleet_proxies ORDER BY name');
        return { ...stateRow.parse(state), proxies: proxies.map(toFleetRow) };
      }),

    removeFromFleet: (to) =>
      transaction(pool, 'remove a proxy', async (session) => {
        await session.rows(`${lockState} FOR UPDATE`);
        const members = (await session.rows(`SELECT name FROM fleet_proxies WHERE standing = 'member'`)).map(
          (row) => nameRow.parse(row).name,
        );
        if (!members.includes(to.name) || members.length < 2) return false;
        await change(session, 'removed', to);
        return true;
      }),

    beginJoining: (name, token, leaseMs) =>
      transaction(pool, 'begin to add a proxy', async (session) => {
        const changed = await session.write(
          `UPDATE fleet_state SET joining = ?, joining_token = ?, revision = revision + 1,
             joining_until = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND
            WHERE id = 1 AND (joining_until IS NULL OR joining_until <= UTC_TIMESTAMP(3))`,
          [name, token, leaseMs * 1_000],
        );
        return changed === 1;
      }),

    async keepJoining(token, leaseMs) {
      const changed = await withSession(pool, 'go on adding a proxy', (session) =>
        session.write(
          `UPDATE fleet_state SET joining_until = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND
            WHERE id = 1 AND joining_token = ? AND joining_until > UTC_TIMESTAMP(3)`,
          [leaseMs * 1_000, token],
        ),
      );
      return changed === 1;
    },

    admitToFleet: (token, to) =>
      transaction(pool, 'add a proxy', async (session) => {
        const ended = await session.write(
          `UPDATE fleet_state SET joining = NULL, joining_token = NULL, joining_until = NULL
            WHERE id = 1 AND joining_token = ? AND joining_until > UTC_TIMESTAMP(3)`,
          [token],
        );
        if (ended !== 1) return false;
        await change(session, 'member', to);
        return true;
      }),

    async endJoining(token) {
      await withSession(pool, 'end adding a proxy', (session) =>
        session.write(
          'UPDATE fleet_state SET joining = NULL, joining_token = NULL, joining_until = NULL WHERE joining_token = ?',
          [token],
        ),
      );
    },

    async rememberFacts(name, facts) {
      await withSession(pool, 'keep what a proxy told', (session) =>
        session.write('UPDATE fleet_proxies SET facts = ? WHERE name = ?', [JSON.stringify(facts), name]),
      );
    },
  };
}
