import { z } from 'zod';
import { CONTROL_SCHEMA } from '../../fence/schema.ts';
import type { MissingPrivilege, OrgTable } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { nullableText, text } from './rows.ts';
import type { Session } from './session.ts';

const whoRow = z.object({ account: text, role: nullableText });
const globalRow = z.object({ privilege: text });
const schemaRow = z.object({ schema: text, privilege: text });
const tableRow = z.object({ schema: text, table: text, privilege: text });

/** What an account has, as its own session sees it. */
interface Grants {
  readonly account: string;
  readonly everywhere: ReadonlySet<string>;
  /** Names of schemas are patterns in GRANT. */
  readonly schemas: readonly { readonly pattern: RegExp; readonly privilege: string }[];
  readonly tables: readonly z.infer<typeof tableRow>[];
}

/** The least that each account works with. What the fence's owner needs, its installation tells. */
const controllerOnTables = ['SELECT', 'TRIGGER'];
const controllerOnControl = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];
const purgeOnTables = ['SELECT', 'INSERT', 'DELETE'];
const purgeOnControl = ['SELECT', 'UPDATE'];
const everywhere = {
  mariadb: ['PROCESS', 'BINLOG MONITOR', 'CONNECTION ADMIN'],
  mysql: ['PROCESS', 'REPLICATION CLIENT', 'CONNECTION_ADMIN', 'XA_RECOVER_ADMIN'],
} as const;

/** Asks both accounts of the controller what they may do. */
export async function missingPrivileges(
  { bulk, purge }: PlaceContext,
  tables: readonly OrgTable[],
): Promise<readonly MissingPrivilege[]> {
  const controller = await bulk.use('reading its privileges', async (session) => {
    const grants = await grantsOf(session);
    if (grants === null) return [];
    return [
      ...lacking(grants, everywhere[session.dialect.flavour], null),
      ...tables.flatMap((table) => lacking(grants, controllerOnTables, table)),
      // Who may not have events cannot see them.
      ...[...new Set(tables.map(({ schema }) => schema))].flatMap((schema) =>
        lacking(grants, ['EVENT'], { schema, table: '*' }),
      ),
      ...['fence', 'heartbeat'].flatMap((table) =>
        lacking(grants, controllerOnControl, { schema: CONTROL_SCHEMA, table }),
      ),
    ];
  });
  const purger = await purge.use('reading its privileges', async (session) => {
    const grants = await grantsOf(session);
    if (grants === null) return [];
    return [
      ...tables.flatMap((table) => lacking(grants, purgeOnTables, table)),
      ...lacking(grants, purgeOnControl, { schema: CONTROL_SCHEMA, table: 'fence' }),
    ];
  });
  return [...controller, ...purger];
}

/** Null for an account with an active role: what that adds is not listed with the account's own. */
async function grantsOf(session: Session): Promise<Grants | null> {
  const who = await session.row(whoRow, 'SELECT CURRENT_USER() AS account, CURRENT_ROLE() AS role');
  if (who === null || (who.role !== null && who.role !== 'NONE')) return null;
  const at = who.account.lastIndexOf('@');
  const grantee = [`'${who.account.slice(0, at)}'@'${who.account.slice(at + 1)}'`];
  const globals = await session.rows(
    globalRow,
    'SELECT PRIVILEGE_TYPE AS privilege FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = ?',
    grantee,
  );
  const schemas = await session.rows(
    schemaRow,
    `SELECT TABLE_SCHEMA AS \`schema\`, PRIVILEGE_TYPE AS privilege FROM information_schema.SCHEMA_PRIVILEGES
     WHERE GRANTEE = ?`,
    grantee,
  );
  const tables = await session.rows(
    tableRow,
    `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS \`table\`, PRIVILEGE_TYPE AS privilege
     FROM information_schema.TABLE_PRIVILEGES WHERE GRANTEE = ?`,
    grantee,
  );
  return {
    account: who.account,
    everywhere: new Set(globals.map(({ privilege }) => privilege)),
    schemas: schemas.map(({ schema, privilege }) => ({ pattern: patternOf(schema), privilege })),
    tables,
  };
}

/** `BigDB\_%` as a regular expression. */
export function patternOf(schema: string): RegExp {
  const parts = schema.match(/\\.|[\s\S]/g) ?? [];
  const source = parts.map((part) => {
    if (part === '%') return '.*';
    if (part === '_') return '.';
    return part.at(-1)?.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') ?? '';
  });
  return new RegExp(`^${source.join('')}$`);
}

function lacking(
  grants: Grants,
  wanted: readonly string[],
  on: { readonly schema: string; readonly table: string } | null,
): MissingPrivilege[] {
  const has = (privilege: string) =>
    grants.everywhere.has(privilege) ||
    (on !== null &&
      (grants.schemas.some((each) => each.privilege === privilege && each.pattern.test(on.schema)) ||
        grants.tables.some(
          (each) => each.privilege === privilege && each.schema === on.schema && each.table === on.table,
        )));
  return wanted
    .filter((privilege) => !has(privilege))
    .map((privilege) => ({
      account: grants.account,
      privilege,
      on: on === null ? '*.*' : `${on.schema}.${on.table}`,
    }));
}
