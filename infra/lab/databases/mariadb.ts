import { access, constants } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { imageOf, type Machine, machineOf, templateName } from '../programs/index.ts';
import { cachedFolder } from './cacheFolder.ts';
import { LabDatabaseError } from './errors.ts';
import { type DatabaseServer, type DatabaseServerOptions, type ServerFlavour, startServer } from './server.ts';

/** Raised whenever the way a template is made changes. */
const TEMPLATE_FORMAT = 1;

/**
 * Small memory, row binlog with full images (DMS wants both), UTC, and a durability that a lab can do without: the
 * data directory is thrown away at the end. Strict, but zero dates allowed, as platforms of that age have them.
 */
export const MARIADB_SETTINGS: Readonly<Record<string, string>> = {
  'skip-name-resolve': 'ON',
  'skip-log-error': 'OFF',
  'log-bin': 'binlog',
  'binlog-format': 'ROW',
  'binlog-row-image': 'FULL',
  'expire-logs-days': '1',
  'log-slave-updates': 'ON',
  'slave-run-triggers-for-rbr': 'NO',
  'gtid-strict-mode': 'ON',
  // Triggers by accounts without SUPER, as the fence's are.
  'log-bin-trust-function-creators': 'ON',
  'server-id': '1',
  'innodb-buffer-pool-size': '96M',
  'innodb-log-file-size': '96M',
  'innodb-flush-log-at-trx-commit': '2',
  'innodb-doublewrite': 'OFF',
  'sync-binlog': '0',
  'key-buffer-size': '1M',
  'aria-pagecache-buffer-size': '8M',
  'max-connections': '2000',
  'max-allowed-packet': '64M',
  'explicit-defaults-for-timestamp': 'ON',
  'character-set-server': 'utf8mb4',
  'collation-server': 'utf8mb4_general_ci',
  'default-time-zone': '+00:00',
  'sql-mode': 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION',
};

let prepared: Promise<ServerFlavour> | undefined;

/** Starts a MariaDB server with the lab's settings; `variables` override them. */
export async function startMariaDb(options: DatabaseServerOptions): Promise<DatabaseServer> {
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
  const machine = machineOf('mariadb');
  const executable = await findProgram('mariadbd');
  const told = await machine.run({ executable, args: ['--no-defaults', '--version'], folder: tmpdir() });
  const version = /Ver (\d+\.\d+\.\d+)/.exec(told)?.[1] ?? 'unknown';
  return {
    flavour: 'mariadb',
    version,
    machine,
    executable,
    template: await cachedFolder(
      `${templateName('mariadb', `mariadb-${version}`)}-template-${TEMPLATE_FORMAT}`,
      (folder) => makeTemplate(machine, folder),
    ),
    settings: MARIADB_SETTINGS,
    initSql: (user, password) =>
      [
        'SET SESSION sql_log_bin = 0;',
        `CREATE USER IF NOT EXISTS '${user}'@'%' IDENTIFIED BY '${password}';`,
        `GRANT ALL PRIVILEGES ON *.* TO '${user}'@'%' WITH GRANT OPTION;`,
        '',
      ].join('\n'),
  };
}

async function makeTemplate(machine: Machine, folder: string): Promise<void> {
  const executable = await findProgram('mariadb-install-db');
  const args = [
    '--no-defaults',
    `--datadir=${folder}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
    '--innodb-log-file-size=96M',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
  await machine.run({ executable, args, folder }).catch((error: unknown) => {
    throw new LabDatabaseError(
      'LAB_SERVER_BOOTSTRAP_FAILED',
      'mariadb-install-db could not make a data directory',
      'look at its output in the cause',
      error,
    );
  });
}

/** An image has its programs on its own PATH. */
async function findProgram(name: string): Promise<string> {
  if (imageOf('mariadb') !== null) return name;
  // Daemons live in sbin, which is not on everybody's PATH.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/usr/bin'];
  for (const folder of folders) {
    const candidate = join(folder, name);
    if (folder !== '' && (await isExecutable(candidate))) return candidate;
  }
  throw new LabDatabaseError(
    'LAB_SERVER_NOT_INSTALLED',
    `${name} is not on this machine`,
    'run infra/setup/prepare.sh, or install mariadb-server',
  );
}

/** A folder on the PATH that may not be read holds no program for us. */
async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
