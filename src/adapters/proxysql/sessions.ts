import { z } from 'zod';
import type { BlockingSession, RouteOwner, Side } from '../../ports/routing.ts';
import type { AdminRow } from './admin.ts';
import { hostgroupsOf, matchOf, type RoutingConfig } from './config.ts';
import { isPlainRead } from './rules.ts';

/** What a drain reads of a session's `extended_info`; the rest is the proxy's own. */
const extendedSchema = z.object({
  active_transactions: z.number().default(0),
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
            mysql: z.looseObject({ thread_id: z.number().optional() }).optional(),
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
 * Whether a session can be the org's. By comment only a running statement tells; an open transaction may be anybody's
 * and counts, unless it began after the hold: an annotated BEGIN of the org would be waiting then, and what slips by
 * without an annotation is the fence's business.
 */
function belongsTo(config: RoutingConfig, session: ProxySession, orgId: number, heldForMs: number): boolean {
  const match = matchOf(config, orgId);
  const { row, extended } = session;
  if (match.username !== null) return row.user === match.username;
  if (match.schemaname !== null) return row.db === match.schemaname;
  if (extended.active_transactions > 0) return extended.transaction_time_ms + clockStepMs >= heldForMs;
  if (holdsSomething(extended)) return true;
  return row.info !== null && new RegExp(match.matchPattern ?? '', 'i').test(row.info);
}

/** The proxy rounds a transaction's age to whole milliseconds, some time before we read our clock. */
const clockStepMs = 2;

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
  }
  const touches = hostgroups.has(current) || extended.backends.some(({ hostgroup_id }) => hostgroups.has(hostgroup_id));
  if (extended.active_transactions > 0 && touches) return 'transaction';
  const idle = row.command === 'Sleep';
  if (!idle && hostgroups.has(current) && !isPlainRead(row.info ?? '')) return 'statement';
  return null;
}

/** Whose sessions are looked for, where, and on which side. */
export interface DrainQuestion {
  readonly proxy: string;
  readonly owner: RouteOwner;
  readonly side: Side;
  readonly heldForMs: number;
}

/** Sessions of the org that keep the drain of `side` from ending. */
export function findBlocking(
  config: RoutingConfig,
  { proxy, owner, side, heldForMs }: DrainQuestion,
  sessions: readonly ProxySession[],
): BlockingSession[] {
  const { writerHostgroup, readerHostgroup } = hostgroupsOf(config, side, owner.homeRegion);
  const hostgroups = new Set([writerHostgroup, ...(readerHostgroup === undefined ? [] : [readerHostgroup])]);
  const blocking: BlockingSession[] = [];
  for (const session of sessions) {
    if (!belongsTo(config, session, owner.orgId, heldForMs)) continue;
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
  return blocking;
}

/** A statement without its literals: what a report may show. */
function withoutValues(statement: string): string {
  return statement
    .replace(/'(?:[^'\\]|\\.|'')*'/g, '?')
    .replace(/"(?:[^"\\]|\\.|"")*"/g, '?')
    .replace(/\b\d+(\.\d+)?\b/g, '?')
    .slice(0, 200);
}
