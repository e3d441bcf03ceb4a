import { randomBytes } from 'node:crypto';
import type { DatabaseAddress } from '../databases/index.ts';
import { orgSchemaName, setUpServer } from './schema.ts';
import { BIGDB_SCHEMA } from './tables.ts';

/** Name and password, the same at every site and cluster. */
export interface Account {
  readonly user: string;
  readonly password: string;
}

/** All accounts of the lab's platform. */
export interface LabAccounts {
  /** `org_<id>`: reads and writes BigDB and the org's own schema. */
  readonly orgs: ReadonlyMap<number, Account>;
  /** Shared by all orgs' clients, where orgs are told apart by schema or comment. */
  readonly app: Account;
  /** The endpoints of the replication tasks, both ways. */
  readonly dms: Account;
  /** The cutover controller. */
  readonly cutover: Account;
  /** The proxies' monitor. */
  readonly monitor: Account;
  /** Jobs that work across orgs: the CDR worker and retention. */
  readonly worker: Account;
  /** Deletes and repairs an org's rows where the fence lets nobody else write. */
  readonly purge: Account;
}

/** Makes up the passwords. Nothing is created yet. */
export function makeAccounts(orgIds: readonly number[]): LabAccounts {
  const account = (user: string): Account => ({ user, password: randomBytes(12).toString('hex') });
  return {
    orgs: new Map(orgIds.map((orgId) => [orgId, account(`org_${orgId}`)])),
    app: account('app'),
    dms: account('dms'),
    cutover: account('cutover'),
    monitor: account('monitor'),
    worker: account('worker'),
    purge: account('purge'),
  };
}

const DML = 'SELECT, INSERT, UPDATE, DELETE';
// An underscore in the name of a schema is a wildcard in GRANT unless it is escaped.
const CONTROL_SCHEMA = '`bigdb\\_cutover`';
const ALL_ORG_SCHEMAS = `\`${BIGDB_SCHEMA}\\_%\``;

/** Creates the accounts at a site or a cluster, each with the least it needs. */
export async function createAccounts(server: DatabaseAddress, accounts: LabAccounts): Promise<void> {
  const statements: string[] = [];
  const create = ({ user, password }: Account, grants: readonly string[]) => {
    statements.push(`CREATE USER '${user}'@'%' IDENTIFIED BY '${password}'`);
    for (const grant of grants) statements.push(`GRANT ${grant} TO '${user}'@'%'`);
  };

  for (const [orgId, account] of accounts.orgs) {
    const ownSchema = orgSchemaName(orgId).replaceAll('_', '\\_');
    create(account, [`${DML} ON ${BIGDB_SCHEMA}.*`, `${DML} ON \`${ownSchema}\`.*`]);
  }
  for (const account of [accounts.app, accounts.worker]) {
    create(account, [`${DML} ON ${BIGDB_SCHEMA}.*`, `${DML} ON ${ALL_ORG_SCHEMAS}.*`]);
  }
  create(accounts.purge, [`SELECT, INSERT, DELETE ON ${BIGDB_SCHEMA}.*`, `${DML} ON ${CONTROL_SCHEMA}.*`]);
  create(accounts.monitor, ['REPLICATION CLIENT ON *.*']);
  // What AWS asks for at a source and at a target; no SUPER.
  create(accounts.dms, [
    'REPLICATION CLIENT, REPLICATION SLAVE ON *.*',
    `${DML}, ALTER, CREATE, DROP, INDEX ON ${BIGDB_SCHEMA}.*`,
    `${DML}, CREATE ON ${CONTROL_SCHEMA}.*`,
    // DMS keeps its own tables here.
    'ALL PRIVILEGES ON `awsdms\\_control`.*',
  ]);
  create(accounts.cutover, [
    'RELOAD, PROCESS, SHOW DATABASES, REPLICATION CLIENT, REPLICATION SLAVE ON *.*',
    `ALL PRIVILEGES ON ${BIGDB_SCHEMA}.*`,
    `ALL PRIVILEGES ON ${ALL_ORG_SCHEMAS}.*`,
    `ALL PRIVILEGES ON ${CONTROL_SCHEMA}.*`,
    ...['user', 'db', 'tables_priv'].map((table) => `SELECT ON mysql.${table}`),
    `SELECT ON mysql.${server.flavour === 'mariadb' ? 'roles_mapping' : 'role_edges'}`,
    ...(server.flavour === 'mariadb'
      ? ['BINLOG MONITOR, SLAVE MONITOR, CONNECTION ADMIN ON *.*']
      : ['CONNECTION_ADMIN, XA_RECOVER_ADMIN ON *.*', 'SELECT ON performance_schema.*']),
  ]);

  await setUpServer(server, (connection) => connection.query(statements.join(';\n')));
}
