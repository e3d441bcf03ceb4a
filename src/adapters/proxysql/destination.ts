import { z } from 'zod';
import type { Destination, DestinationLogin, DestinationServer, RouteOwner } from '../../ports/routing.ts';
import { type AdminSession, literal } from './admin.ts';
import { hostgroupsOf, matchOf, type RoutingConfig } from './config.ts';
import { fits, kindOf } from './passwords.ts';
import { usersOfBigDb } from './statementSample.ts';

const figure = z.coerce.number();
const serverRow = z.object({
  host: z.string(),
  port: figure,
  status: z.string(),
  most: figure,
  tls: figure,
});
const openRow = z.object({ host: z.string(), port: figure, open: figure });
const lookRow = z.object({ host: z.string(), port: figure, atUs: figure, error: z.string().nullable() });
const userRow = z.object({ user: z.string(), password: z.string().nullable(), frontend: figure, backend: figure });
const connectionsRow = z.object({ user: z.string(), connections: figure });

/** What this proxy has of the cluster that an org goes to, and of the users that the org's clients come as. */
export async function readDestination(
  admin: AdminSession,
  routing: RoutingConfig,
  org: Pick<RouteOwner, 'orgId' | 'homeRegion'>,
  nowMs: () => number,
  signal?: AbortSignal,
): Promise<Destination> {
  const { writerHostgroup, readerHostgroup } = hostgroupsOf(routing, 'cluster', org.homeRegion);
  const hostgroups = [writerHostgroup, ...(readerHostgroup === undefined ? [] : [readerHostgroup])].join(', ');
  const servers = await admin.rows(
    `SELECT hostname AS host, port, status, max_connections AS most, use_ssl AS tls FROM runtime_mysql_servers
      WHERE hostgroup_id IN (${hostgroups})`,
    signal,
  );
  const open = await admin.rows(
    `SELECT srv_host AS host, srv_port AS port, SUM(ConnUsed + ConnFree) AS open FROM stats_mysql_connection_pool
      WHERE hostgroup IN (${hostgroups}) GROUP BY srv_host, srv_port`,
    signal,
  );
  const looks = await lastLooks(admin, signal);
  const opened = new Map(open.map((row) => openRow.parse(row)).map((row) => [addressOf(row), row.open]));
  return {
    servers: servers
      .map((row) => serverRow.parse(row))
      .map(({ host, port, status, most, tls }): DestinationServer => {
        const look = looks.get(addressOf({ host, port }));
        return {
          host,
          port,
          status,
          maxConnections: most,
          usesTls: tls === 1,
          open: opened.get(addressOf({ host, port })) ?? 0,
          lastLook: look === undefined ? null : { agoMs: nowMs() - look.atUs / 1_000, error: look.error },
        };
      }),
    ownLogins: routing.by === 'user',
    logins: await loginsOf(admin, routing, org, signal),
  };
}

const addressOf = ({ host, port }: { readonly host: string; readonly port: number }) => `${host}:${port}`;

/** What the proxy's monitor last found at each server; nothing where it does not look. */
async function lastLooks(admin: AdminSession, signal?: AbortSignal) {
  const rows = await admin.rows(
    `SELECT hostname AS host, port, MAX(time_start_us) AS atUs, ping_error AS error
       FROM monitor.mysql_server_ping_log GROUP BY hostname, port`,
    signal,
  );
  return new Map(rows.map((row) => lookRow.parse(row)).map((row) => [addressOf(row), row]));
}

async function loginsOf(
  admin: AdminSession,
  routing: RoutingConfig,
  { orgId }: Pick<RouteOwner, 'orgId'>,
  signal?: AbortSignal,
): Promise<readonly DestinationLogin[]> {
  const { username, schemaname } = matchOf(routing, orgId);
  const which =
    username !== null
      ? literal(username)
      : schemaname !== null
        ? `SELECT username FROM stats_mysql_query_digest WHERE schemaname = ${literal(schemaname)}`
        : `SELECT username FROM stats_mysql_users WHERE frontend_connections > 0 AND username IN (${usersOfBigDb(routing)})`;
  // The runtime has a user once as what clients log in with, and once as what it logs in with at servers.
  const rows = await admin.rows(
    `SELECT username AS user, MAX(password) AS password, MAX(frontend) AS frontend, MAX(backend) AS backend
       FROM runtime_mysql_users WHERE active = 1 AND username IN (${which}) GROUP BY username`,
    signal,
  );
  const connections = await admin.rows(
    `SELECT username AS user, frontend_connections AS connections FROM stats_mysql_users WHERE username IN (${which})`,
    signal,
  );
  const counts = new Map(
    connections.map((row) => connectionsRow.parse(row)).map(({ user, connections: count }) => [user, count]),
  );
  const known = rows
    .map((row) => userRow.parse(row))
    .map(
      ({ user, password, frontend, backend }): DestinationLogin => ({
        user,
        usable: frontend === 1 && backend === 1,
        password: kindOf(password),
        connections: counts.get(user) ?? 0,
        fits: (plugin, hash) => fits(password, plugin, hash),
      }),
    );
  if (username === null || known.length > 0) return known;
  return [{ user: username, usable: false, password: 'none', connections: 0, fits: () => null }];
}
