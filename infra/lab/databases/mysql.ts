import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageOf, type Machine, machineOf, templateName } from '../programs/index.ts';
import { cachedFolder, cacheFolder, exists } from './cacheFolder.ts';
import { LabDatabaseError } from './errors.ts';
import { type DatabaseServer, type DatabaseServerOptions, type ServerFlavour, startServer } from './server.ts';

/** Raised whenever the way a template is made changes. */
const TEMPLATE_FORMAT = 1;

/** The launcher that infra/setup/fetch-mysql.sh leaves behind. */
function launcher(): string {
  return join(cacheFolder(), 'mysql-1', 'mysqld');
}

/**
 * What Aurora MySQL needs for a task that reads it (row binlog, full images) and what its clusters have by default:
 * GTIDs accepted but not made. Zero dates allowed, because the sites' rows have them.
 */
export const MYSQL_SETTINGS: Readonly<Record<string, string>> = {
  'skip-name-resolve': 'ON',
  'secure-file-priv': '',
  mysqlx: 'OFF',
  'log-bin': 'binlog',
  'binlog-format': 'ROW',
  'binlog-row-image': 'FULL',
  'binlog-expire-logs-seconds': '86400',
  'gtid-mode': 'OFF_PERMISSIVE',
  'enforce-gtid-consistency': 'ON',
  'log-bin-trust-function-creators': 'ON',
  'server-id': '3',
  'innodb-buffer-pool-size': '128M',
  'innodb-redo-log-capacity': '128M',
  'innodb-flush-log-at-trx-commit': '2',
  'innodb-doublewrite': 'OFF',
  'sync-binlog': '0',
  'max-connections': '2000',
  'max-allowed-packet': '64M',
  'explicit-defaults-for-timestamp': 'ON',
  'character-set-server': 'utf8mb4',
  'collation-server': 'utf8mb4_0900_ai_ci',
  'default-time-zone': '+00:00',
  'sql-mode': 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION',
};

let prepared: Promise<ServerFlavour> | undefined;

/** True when a MySQL server was fetched on this machine, or the environment names an image of one. */
export async function mySqlIsAvailable(): Promise<boolean> {
  return imageOf('cluster') !== null || exists(launcher());
}

/** Starts a MySQL server with the lab's settings; `variables` override them. */
export async function startMySql(options: DatabaseServerOptions): Promise<DatabaseServer> {
  prepared ??= prepare();
  try {
    return await startServer(await prepared, options);
  } catch (error) {
    // A failed preparation is tried again by the next caller.
    prepared = undefined;
    throw error;
  }
}

async function prepare(): Promise<ServerFlavour> {
  const machine = machineOf('cluster');
  const executable = imageOf('cluster') === null ? launcher() : 'mysqld';
  if (!(await mySqlIsAvailable())) {
    throw new LabDatabaseError(
      'LAB_SERVER_NOT_INSTALLED',
      `no MySQL server at ${executable}`,
      'run infra/setup/fetch-mysql.sh',
    );
  }
  const told = await machine.run({ executable, args: ['--no-defaults', '--version'], folder: tmpdir() });
  const version = /Ver (\d+\.\d+\.\d+)/.exec(told)?.[1] ?? 'unknown';
  return {
    flavour: 'mysql',
    version,
    machine,
    executable,
    template: await cachedFolder(
      `${templateName('cluster', `mysql-${version}`)}-template-${TEMPLATE_FORMAT}`,
      (folder) => makeTemplate(machine, executable, folder),
    ),
    settings: MYSQL_SETTINGS,
    initSql: (user, password) =>
      [
        'SET SESSION sql_log_bin = 0;',
        `CREATE USER IF NOT EXISTS '${user}'@'%' IDENTIFIED BY '${password}';`,
        `GRANT ALL PRIVILEGES ON *.* TO '${user}'@'%' WITH GRANT OPTION;`,
        '',
      ].join('\n'),
  };
}

async function makeTemplate(machine: Machine, executable: string, folder: string): Promise<void> {
  const args = [
    '--no-defaults',
    '--initialize-insecure',
    `--datadir=${folder}`,
    '--innodb-redo-log-capacity=128M',
    '--skip-log-bin',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
  await machine.run({ executable, args, folder }).catch((error: unknown) => {
    throw new LabDatabaseError(
      'LAB_SERVER_BOOTSTRAP_FAILED',
      'mysqld --initialize-insecure could not make a data directory',
      'look at its output in the cause',
      error,
    );
  });
  // Every copy has to make up a server UUID of its own.
  await rm(join(folder, 'auto.cnf'), { force: true });
}
