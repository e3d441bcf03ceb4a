import { type Connection, createConnection } from 'mysql2/promise';
import { createCluster, createSite, type DatabasePlace } from '../../../src/adapters/mysql/index.ts';
import { controlTables } from '../../../src/fence/schema.ts';
import { BIGDB_SCHEMA, createBigDbSchema } from '../../lab/bigdb/index.ts';
import {
  type DatabaseServer,
  makeTempFolder,
  onServer,
  removeFolder,
  startCluster,
  startMariaDb,
} from '../../lab/databases/index.ts';

export const orgId = 42;
export const table = { schema: BIGDB_SCHEMA, table: 'CallLogs', orgColumn: 'OrgID' };
const homeRegion = 'eu-west-2';
const rowsAtOnce = 100_000;

/** A site and a cluster with the same rows. */
export interface Pair {
  readonly servers: readonly [site: DatabaseServer, cluster: DatabaseServer];
  readonly site: DatabasePlace;
  readonly cluster: DatabasePlace;
  stop(): Promise<void>;
}

/** Memory for the rows of both, as a server in production has it; no binlog, which no comparison reads. */
const variables = { 'innodb-buffer-pool-size': '1536M', 'skip-log-bin': 'ON' };

/** Starts both and fills them with `rows` call logs of about 300 bytes. */
export async function startPair(rows: number, signal: AbortSignal, say: (line: string) => void): Promise<Pair> {
  const baseDir = await makeTempFolder('bigdb-cutover-bench-');
  const started: DatabaseServer[] = [];
  const places: DatabasePlace[] = [];
  const stop = async () => {
    await Promise.all(places.map((place) => place.close()));
    await Promise.all(started.map((server) => server.stop()));
    await removeFolder(baseDir);
  };
  try {
    const site = await startMariaDb({ name: 'lon1', baseDir, variables });
    started.push(site);
    const cluster = await startCluster({ name: 'cluster', baseDir, variables });
    started.push(cluster);
    say(`filling ${rows} rows into MariaDB ${site.version} and ${cluster.flavour} ${cluster.version}`);
    await Promise.all([fill(site, 'site', rows, signal), fill(cluster, 'cluster', rows, signal)]);
    const at = ({ host, port, user, password }: DatabaseServer) => ({
      host,
      port,
      user,
      password,
      purge: { user, password },
    });
    const pair = {
      servers: [site, cluster],
      site: createSite({ name: 'lon1', serverId: 1, ...at(site) }),
      cluster: createCluster({ name: 'cluster', homeRegion, ...at(cluster) }),
      stop,
    } as const;
    places.push(pair.site, pair.cluster);
    return pair;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function fill(
  server: DatabaseServer,
  kind: 'site' | 'cluster',
  rows: number,
  signal: AbortSignal,
): Promise<void> {
  await createBigDbSchema(server, kind);
  await onServer(server, async (connection) => {
    for (const statement of controlTables()) await connection.query(statement);
    await connection.query(`USE ${BIGDB_SCHEMA}`);
    await connection.query('CREATE TABLE Numbers (n INT PRIMARY KEY)');
    const digits = Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} AS d`).join(' UNION ALL ');
    const powers = [1, 10, 100, 1_000, 10_000];
    const sum = powers.map((power, i) => `d${i}.d * ${power}`).join(' + ');
    const from = powers.map((_, i) => `(${digits}) d${i}`).join(', ');
    await connection.query(`INSERT INTO Numbers SELECT ${sum} FROM ${from}`);
    for (let first = 0; first < rows; first += rowsAtOnce) {
      signal.throwIfAborted();
      await connection.query(insertFrom(first, Math.min(rowsAtOnce, rows - first)));
    }
    await connection.query('ANALYZE TABLE CallLogs');
  });
}

/** Rows that depend on their number alone, so that both sides get the same. */
function insertFrom(first: number, count: number): string {
  const n = `(${first} + n)`;
  const at = (seconds: number) => `'2024-01-02 03:04:05.123456' + INTERVAL ${n} * 7 + ${seconds} SECOND`;
  return `INSERT INTO CallLogs (CallLogID, OrgID, StartedAt, AnsweredAt, EndedAt, Direction, CallerNumber, CalleeNumber,
      CallerName, DurationMs, HangupCause, Codec, MosScore, SipCallId, Notes, WriteId, WriteSide)
    SELECT ${n} + 1, ${orgId}, ${at(0)}, IF(n % 9, ${at(4)}, NULL), ${at(90)}, 1 + n % 3, CONCAT('+4420', 70000000 + ${n}),
      CONCAT('+4479', 10000000 + n * 7), IF(n % 4, CONCAT('Caller number ', ${n}), NULL), n * 13 % 600000, 16, 'PCMA',
      4.1 + (n % 100) / 1000, CONCAT(LPAD(HEX(${n} * 7919), 32, '0'), '@sip.example.net'),
      RPAD(CONCAT('note ', ${n}), 90, 'lorem ipsum dolor '), ${n}, 1
    FROM Numbers WHERE n < ${count}`;
}

/** A bare connection, of which nothing is the controller's. */
export async function bareConnection({ host, port, user, password }: DatabaseServer): Promise<Connection> {
  const connection = await createConnection({ host, port, user, password, charset: 'utf8mb4', timezone: 'Z' });
  await connection.query("SET SESSION time_zone = '+00:00'");
  return connection;
}
