import { startMariaDb } from './mariadb.ts';
import { mySqlIsAvailable, startMySql } from './mysql.ts';
import type { DatabaseServer, DatabaseServerOptions } from './server.ts';

/**
 * Starts what stands for an Aurora MySQL cluster: MySQL where it was fetched, else MariaDB (the caller shows which from
 * `flavour` and `version`). BIGDB_CUTOVER_CLUSTER=mariadb asks for the latter.
 * Variables that only MySQL knows are ignored by MariaDB.
 */
export async function startCluster(options: DatabaseServerOptions): Promise<DatabaseServer> {
  if (process.env.BIGDB_CUTOVER_CLUSTER !== 'mariadb' && (await mySqlIsAvailable())) return startMySql(options);
  const variables = Object.entries(options.variables ?? {}).map(([key, value]) => [`loose-${key}`, value] as const);
  return startMariaDb({
    ...options,
    variables: { 'server-id': '3', ...Object.fromEntries(variables) },
  });
}
