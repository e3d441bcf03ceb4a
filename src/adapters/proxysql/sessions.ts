import { z } from 'zod';
import type { BlockingSession, DrainLook, OpenTransactions, RouteOwner, Side } from '../../ports/routing.ts';
import type { AdminRow } from './admin.ts';
import { hostgroupsOf, matchOf, type RoutingConfig } from './config.ts';
import { isPlainRead } from './rules.ts';

/** What a drain reads of a session's `extended_info`; the rest is the proxy's own. */
const extendedSchema = z.object({
  // Microseconds, whatever its name says (measured on 2.7.1); a huge number where no transaction is open.
  transaction_time_ms: z.number().default(0),
  locked_on_hostgroup: z.number().default(-1),
  current_hostgroup: z.number().default(-1),
  client: z
    .object({
      userinfo: z.object({ username: z.string().default(''), schemaname: z.string().default('') }).optional(),
    })
    .optional(),
  backends: z
    .array(
      z.object({
        hostgroup_id: z.number(),
        conn: z
          .object({
            mysql: z.looseObject({ server_status: z.number().default(0) }).optional(),
            status: z.record(z.string(), z.unknown()).optional(),
          })
          .optional(),
      }),
    )
    .default([]),
});

export const processListQuery =
  'SELECT SessionID, user, db, cli_host, cli_port, hostgroup, command, time_ms, info, extended_info FROM stats_mysql_processlist';

const rowSchema = z.object({
  SessionID: z.coerce.string(),
  user: z.string().nullable(),
  db: z.string().nullable(),
  cli_host: z.string().nullable(),
  cli_port: z.coerce.string().nullable(),
  hostgroup: z.coerce.number().nullable(),
  command: z.string().nullable(),
  time_ms: z.coerce.number().nullable(),
  info: z.string().nullable(),
  extended_info: z.string().nullable(),
});

/** One session of the process list, parsed. */
export interface ProxySession {
  readonly row: z.infer<typeof rowSchema>;
  readonly extended: z.infer<typeof extendedSchema>;
}

export function parseSession(raw: AdminRow): ProxySession {
  const row = rowSchema.parse(raw);
  const extended = extendedSchema.parse(JSON.parse(row.extended_info || '{}'));
  return { row, extended };
}

/**
 * Whether a session can be the org's. By comment only a running statement tells. An open transaction may be anybody's
 * and counts if it was open at the hold: an annotated BEGIN of the org would be waiting then, and what slips by without
 * an annotation is the fence's business. A query that waits for a connection shows no statement: it may be anybody's.
 */
function belongsTo(
  config: RoutingConfig,
  session: ProxySession,
  orgId: number,
  openSinceHold: OpenTransactions,
): boolean {
  const match = matchOf(config, orgId);
  const { row, extended } = session;
  if (match.username !== null) return row.user === match.username;
  if (match.schemaname !== null) return row.db === match.schemaname;
  if (openSinceHold.has(row.SessionID) || holdsSomething(extended)) return true;
  if (row.info === null || row.info === '') return row.command !== 'Sleep' && !extended.backends.some(isInTransaction);
  return new RegExp(match.matchPattern ?? '', 'i').test(row.info);
}

/** SERVER_STATUS_IN_TRANS of the MySQL protocol, from the backend's last answer. */
const inTransaction = 1;

/**
 * Whether a transaction is open on a backend. The session's own count of transactions does not tell: it is 1 while any
 * statement runs, and stays 1 on an idle session after a statement that failed (measured on 2.7.1).
 */
function isInTransaction(backend: ProxySession['extended']['backends'][number]): boolean {
  return ((backend.conn?.mysql?.server_status ?? 0) & inTransaction) !== 0;
}

/**
 * Transactions of the first look that are still open. A session's figure for its transaction's age stands still while
 * the session is idle (measured on 2.7.1), so it does not tell when one began; but it never shrinks within one.
 */
function stillOpen(sessions: readonly ProxySession[], before: OpenTransactions | null): Map<string, number> {
  const open = new Map<string, number>();
  for (const { row, extended } of sessions) {
    if (!extended.backends.some(isInTransaction)) continue;
    const age = extended.transaction_time_ms;
    if (before === null || (before.get(row.SessionID) ?? Number.POSITIVE_INFINITY) <= age) open.set(row.SessionID, age);
  }
  return open;
}

/** Sessions that keep something over statements: by comment they may be any org's. */
function holdsSomething(extended: ProxySession['extended']): boolean {
  return (
    extended.locked_on_hostgroup >= 0 ||
    extended.backends.some(({ conn }) => heldThings.some((thing) => conn?.status?.[thing] === true))
  );
}

const heldThings = ['temporary_table', 'get_lock', 'lock_tables'] as const;

/** Why a session of the org is not at rest on the hostgroups of a side; null where it is. */
function blocksBecause(session: ProxySession, hostgroups: ReadonlySet<number>): string | null {
  const { row, extended } = session;
  const current = extended.current_hostgroup >= 0 ? extended.current_hostgroup : (row.hostgroup ?? -1);
  if (extended.locked_on_hostgroup >= 0 && hostgroups.has(extended.locked_on_hostgroup)) return 'locked';
  for (const backend of extended.backends) {
    if (!hostgroups.has(backend.hostgroup_id)) continue;
    const held = heldThings.find((thing) => backend.conn?.status?.[thing] === true);
    if (held !== undefined) return held;
    if (isInTransaction(backend)) return 'transaction';
  }
  const idle = row.command === 'Sleep';
  if (!idle && hostgroups.has(current) && !isPlainRead(row.info ?? '')) return 'statement';
  return null;
}

/** Whose sessions are looked for, where, and on which side. */
export interface DrainQuestion {
  readonly proxy: string;
  readonly owner: RouteOwner;
  readonly side: Side;
  readonly openSinceHold: OpenTransactions | null;
}

/** Whether anything is under way in a hostgroup, or a transaction is open on it: then its servers have to stay. */
export function usesHostgroup({ row, extended }: ProxySession, hostgroup: number): boolean {
  const runsThere = extended.current_hostgroup === hostgroup && row.command !== 'Sleep';
  return (
    runsThere || extended.backends.some((backend) => backend.hostgroup_id === hostgroup && isInTransaction(backend))
  );
}

/** Sessions of the org that keep the drain of `side` from ending. */
export function findBlocking(
  config: RoutingConfig,
  { proxy, owner, side, openSinceHold: before }: DrainQuestion,
  sessions: readonly ProxySession[],
): DrainLook {
  const { writerHostgroup, readerHostgroup } = hostgroupsOf(config, side, owner.homeRegion);
  const hostgroups = new Set([writerHostgroup, ...(readerHostgroup === undefined ? [] : [readerHostgroup])]);
  const openSinceHold = stillOpen(sessions, before);
  const blocking: BlockingSession[] = [];
  for (const session of sessions) {
    if (!belongsTo(config, session, owner.orgId, openSinceHold)) continue;
    const because = blocksBecause(session, hostgroups);
    if (because === null) continue;
    blocking.push({
      proxy,
      sessionId: session.row.SessionID,
      user: session.row.user ?? '',
      client: `${session.row.cli_host ?? ''}:${session.row.cli_port ?? ''}`,
      ageMs: session.row.time_ms ?? 0,
      because,
      statement: withoutValues(session.row.info ?? ''),
    });
  }
  return { blocking, openSinceHold };
}

/** A statement without its literals: what a report may show. */
export function withoutValues(statement: string): string {
  return statement
    .replace(/'(?:[^'\\]|\\.|'')*'/g, '?')
    .replace(/"(?:[^"\\]|\\.|"")*"/g, '?')
    .replace(/\b\d+(\.\d+)?\b/g, '?')
    .slice(0, 200);
}
