import { z } from 'zod';
import { nameOf, type TableName } from '../../catalogue/catalogue.ts';
import type { AccountFacts, Accounts } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { errorNumber } from './failures.ts';
import { patternOf } from './privileges.ts';
import { flag, integer, nullableText, text } from './rows.ts';
import type { Session } from './session.ts';

const ACCESS_DENIED: readonly number[] = [1044, 1142, 1143];
const UNKNOWN_VARIABLE = 1193;

/** Privileges that are looked at, by the columns that both products' tables have for them. */
const columns = {
  SELECT: 'Select_priv',
  INSERT: 'Insert_priv',
  UPDATE: 'Update_priv',
  DELETE: 'Delete_priv',
  CREATE: 'Create_priv',
} as const;
const everywhereOnly = { 'REPLICATION SLAVE': 'Repl_slave_priv', 'REPLICATION CLIENT': 'Repl_client_priv' } as const;

const given = z.string().transform((value) => value === 'Y');
const privileges = z.record(z.string(), z.unknown());
const accountRow = z.looseObject({
  user: text,
  host: text,
  plugin: text,
  hash: nullableText,
  tls: nullableText,
  expired: nullableText,
  most: integer,
  locked: nullableText,
});
const schemaRow = z.looseObject({ user: text, host: text, schema: text });
const tableRow = z.object({ user: text, host: text, schema: text, table: text, given: text });
const roleRow = z.object({ user: text, host: text });
const switchRow = z.object({ required: flag });

/** Reads the server's own tables of accounts, which only an account that was granted SELECT on them may. */
export function accounts(
  { bulk }: PlaceContext,
  users: readonly string[],
  tables: readonly TableName[],
  signal?: AbortSignal,
): Promise<Accounts> {
  return bulk.use(
    'looking at accounts',
    async (session) => {
      const tlsRequired = await requiresTls(session);
      if (users.length === 0) return { accounts: [], tlsRequired };
      try {
        return { accounts: await read(session, users, tables), tlsRequired };
      } catch (error) {
        if (!ACCESS_DENIED.includes(errorNumber(error) ?? 0)) throw error;
        return { accounts: null, tlsRequired };
      }
    },
    { signal },
  );
}

/** MariaDB knows the switch since 10.5, as MySQL since 5.7. */
async function requiresTls(session: Session): Promise<boolean> {
  try {
    const row = await session.row(switchRow, 'SELECT @@GLOBAL.require_secure_transport AS required');
    return row?.required ?? false;
  } catch (error) {
    if (errorNumber(error) === UNKNOWN_VARIABLE) return false;
    throw error;
  }
}

async function read(
  session: Session,
  users: readonly string[],
  tables: readonly TableName[],
): Promise<readonly AccountFacts[]> {
  const mysql = session.dialect.flavour === 'mysql';
  const names = [[...users]];
  const own = Object.values(columns).join(', ');
  const found = await session.rows(
    accountRow,
    // MariaDB shows no lock in this view; what it keeps of a password stands in either column.
    `SELECT User AS user, Host AS host, plugin, authentication_string AS hash, ssl_type AS tls,
       password_expired AS expired, max_user_connections AS most, ${mysql ? 'account_locked' : `'N'`} AS locked,
       ${own}, ${Object.values(everywhereOnly).join(', ')} FROM mysql.user WHERE User IN (?)`,
    names,
  );
  const schemas = await session.rows(
    schemaRow,
    `SELECT User AS user, Host AS host, Db AS \`schema\`, ${own} FROM mysql.db WHERE User IN (?)`,
    names,
  );
  const onTables = await session.rows(
    tableRow,
    'SELECT User AS user, Host AS host, Db AS `schema`, Table_name AS `table`, Table_priv AS given FROM mysql.tables_priv WHERE User IN (?)',
    names,
  );
  const roles = await session.rows(
    roleRow,
    mysql
      ? 'SELECT TO_USER AS user, TO_HOST AS host FROM mysql.role_edges WHERE TO_USER IN (?)'
      : 'SELECT User AS user, Host AS host FROM mysql.roles_mapping WHERE User IN (?)',
    names,
  );
  return found.map((account): AccountFacts => {
    const { user, host } = account;
    const its = (row: { readonly user: string; readonly host: string }) => row.user === user && row.host === host;
    const everywhere = givenIn(account, { ...columns, ...everywhereOnly });
    const on = (table: TableName): ReadonlySet<string> =>
      new Set([
        ...everywhere,
        ...schemas
          .filter((row) => its(row) && patternOf(row.schema).test(table.schema))
          .flatMap((row) => [...givenIn(row, columns)]),
        ...onTables
          .filter((row) => its(row) && row.schema === table.schema && row.table === table.table)
          .flatMap(({ given: list }) => list.split(',').map((one) => one.toUpperCase())),
      ]);
    return {
      user,
      host,
      plugin: account.plugin,
      hash: account.hash ?? '',
      locked: account.locked === 'Y',
      expired: account.expired === 'Y',
      tlsRequired: (account.tls ?? '') !== '',
      maxConnections: account.most,
      hasRoles: roles.some(its),
      onTables: new Map(tables.map((table) => [nameOf(table), on(table)])),
      everywhere,
    };
  });
}

function givenIn(row: unknown, of: Readonly<Record<string, string>>): ReadonlySet<string> {
  const values = privileges.parse(row);
  return new Set(
    Object.entries(of).flatMap(([privilege, column]) =>
      given.safeParse(values[column]).data === true ? [privilege] : [],
    ),
  );
}
