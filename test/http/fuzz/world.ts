import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { pino } from 'pino';
import { createCoreDb, makeAccounts } from '../../../infra/lab/bigdb/index.ts';
import {
  type DatabaseServer,
  makeTempFolder,
  onServer,
  pollUntil,
  removeFolder,
  startMariaDb,
} from '../../../infra/lab/databases/index.ts';
import { startDms } from '../../../infra/lab/dms/start.ts';
import { controllerConfig, makeTokens } from '../../../infra/lab/estate/controllerConfig.ts';
import { createEndpoints } from '../../../infra/lab/estate/endpoints.ts';
import { configureProxy } from '../../../infra/lab/estate/proxies.ts';
import { startProxySql } from '../../../infra/lab/proxysql/start.ts';
import { createStore } from '../../../src/adapters/store/store.ts';
import { type JwtConfig, roles } from '../../../src/config/identity.ts';
import { parseConfig } from '../../../src/config/index.ts';
import { startController } from '../../../src/controller.ts';
import { buildApp } from '../../../src/http/app.ts';
import type { App } from '../../../src/http/types.ts';
import { savedJournals } from '../../statecharts/journals.ts';

/** Orgs that CoreDB knows; what stands behind them is only as far there as preflight looks. */
export const knownOrgs = [4, 42, 420, 4_200] as const;
/** First of the orgs whose migrations stand in every state there is; another controller owns them. */
const firstSavedOrg = 9_000;

/** The real service over a real store, with everything that it asks answering on this machine. */
export interface FuzzWorld {
  readonly app: App;
  /** A token of each role, and of nobody. */
  readonly tokens: { readonly [Name in (typeof roles)[number]]: string };
  /** Tokens that have to be refused, by what is wrong with them. */
  readonly wrongTokens: Readonly<Record<string, string>>;
  /** Ids of migrations, one at least in each state. */
  ids(): Promise<string[]>;
  /** Every row of the store but those that say who lives, and the audit log. */
  dump(): Promise<string>;
  /** Resolves once nothing that was asked for is under way any more. */
  quiet(): Promise<void>;
  /** What the app has logged as an error. */
  readonly errors: readonly string[];
  stop(): Promise<void>;
}

/** Tables that change by themselves, or with every request. */
const unsteady = new Set(['controllers', 'audit', 'requests', 'wave_driver']);

export async function startFuzzWorld(): Promise<FuzzWorld> {
  const folder = await makeTempFolder('bigdb-fuzz-');
  const ends: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of ends.toReversed()) await end();
    await removeFolder(folder);
  };
  try {
    const [server, dms, ...proxies] = await Promise.all([
      startMariaDb({ name: 'all', baseDir: folder }),
      startDms({ baseDir: folder }),
      startProxySql({ name: 'proxy-lon1', baseDir: folder }),
      startProxySql({ name: 'proxy-lon2', baseDir: folder }),
    ]);
    ends.push(...[server, dms, ...proxies].map((each) => () => each.stop()));
    const accounts = { ...makeAccounts([]), cutover: { user: server.user, password: server.password } };
    const orgs = [...knownOrgs].map((orgId) => ({ orgId, homeRegion: 'eu-west-2' }));
    await createCoreDb(server, orgs);
    await onServer(server, (connection) => connection.query('CREATE DATABASE cutover CHARACTER SET utf8mb4'));
    for (const proxy of proxies) await configureProxy({ server: proxy, site: server }, [server], accounts);
    const endpoints = await createEndpoints(dms, server, server, accounts.dms);
    const tokens = makeTokens();
    const { host, port, user, password } = server;
    // One server plays them all: nothing moves here.
    const place = (name: string): DatabaseServer => ({ ...server, name, host, port });
    const { text, env } = controllerConfig({
      routing: 'user',
      sites: [place('lon1'), place('lon2')],
      clusters: [{ homeRegion: 'eu-west-2', server: place('aurora'), endpoints }],
      store: { host: server.host, port: server.port, account: { user, password }, database: 'cutover' },
      coredb: place('coredb'),
      proxies,
      dms,
      accounts,
      tokens,
      policy: { soakMs: 86_400_000 },
      exportsDirectory: folder,
    })('fuzz');
    const config = parseConfig(text, { file: 'fuzz.yaml', folder, env });
    const errors: string[] = [];
    const logger = pino({ level: 'error' }, { write: (line) => void errors.push(line) });
    const own = createStore({ ...config.store });
    ends.push(() => own.close());
    await own.migrate();
    const connection = await createConnection({
      host,
      port,
      user,
      password,
      database: 'cutover',
      multipleStatements: true,
    });
    ends.push(async () => connection.destroy());
    await saveOneOfEachState(connection);
    // A controller that lives and does nothing.
    const beats = setInterval(() => void own.beatController('elsewhere').catch(() => {}), 500);
    ends.push(async () => clearInterval(beats));
    await own.beatController('elsewhere');

    const controller = await startController(config, pino({ level: 'silent' }));
    ends.push(() => controller.stop());
    const { jwt, wrongTokens } = await issuer();
    const app = buildApp({ ...controller, tokens: config.tokens, jwt, version: '1.2.3', logger });
    ends.push(() => app.close());

    const tables = (
      (await connection.query<RowDataPacket[]>('SHOW TABLES'))[0].map((row) => Object.values(row)[0]) as string[]
    ).filter((table) => !unsteady.has(table));
    const dump = async () =>
      JSON.stringify(
        (await connection.query<RowDataPacket[][]>(tables.map((table) => `SELECT * FROM ${table}`).join(';')))[0].map(
          (rows, index) => [tables[index], rows],
        ),
      );
    return {
      app,
      tokens,
      wrongTokens,
      errors,
      dump,
      stop,
      async ids() {
        const [rows] = await connection.query<RowDataPacket[]>('SELECT id FROM migrations ORDER BY id');
        return rows.map(({ id }) => String(id));
      },
      quiet: () =>
        pollUntil('the controller to have done what was asked', async () => {
          const [busy] = await connection.query<RowDataPacket[]>(
            `SELECT id FROM migrations WHERE active_org_id IS NOT NULL AND NOT owner <=> 'elsewhere'
              AND (JSON_LENGTH(journal, '$.asked') > 0 OR JSON_LENGTH(journal, '$.deadlines') > 0)`,
          );
          return busy.length === 0 || undefined;
        }).then(() => undefined),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function saveOneOfEachState(connection: Connection): Promise<void> {
  let orgId = firstSavedOrg;
  for (const { state, journal } of (await savedJournals(1)).values()) {
    orgId += 1;
    const ended = journal.context.outcome !== null;
    const id = `m-saved-${state}`.slice(0, 40);
    const own = { ...journal, context: { ...journal.context, migrationId: id, orgId } };
    await connection.query(
      `INSERT INTO migrations (id, org_id, active_org_id, home_region, state, since_ms, created_at_ms, journal,
         revision, epoch, owner, next_seq) VALUES (?, ?, ?, 'eu-west-2', ?, 0, 0, ?, 1, 1, ?, 1)`,
      [id, orgId, ended ? null : orgId, state, JSON.stringify(own), ended ? null : 'elsewhere'],
    );
  }
}

/** An issuer of JSON Web Tokens, and tokens that nobody may be let in with. */
async function issuer(): Promise<{ jwt: JwtConfig; wrongTokens: Record<string, string> }> {
  const [known, stranger] = [await generateKeyPair('ES256'), await generateKeyPair('ES256')];
  const jwt: JwtConfig = {
    issuer: 'https://login.example.net/',
    audience: 'bigdb-cutover',
    keys: { keys: [{ ...(await exportJWK(known.publicKey)), kid: 'k1', alg: 'ES256' } as Record<string, unknown>] },
    nameClaim: 'sub',
    roleClaim: 'roles',
    roles: Object.fromEntries(roles.map((role) => [role, role])),
  };
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const signed = (changes: JWTPayload, key = known.privateKey) =>
    new SignJWT({
      sub: 'alice',
      roles: ['admin'],
      iss: jwt.issuer,
      aud: jwt.audience,
      exp: nowSeconds + 3_600,
      ...changes,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .sign(key);
  return {
    jwt,
    wrongTokens: {
      unknown: 'nobody-knows-this-one',
      expired: await signed({ exp: nowSeconds - 3_600 }),
      'of another issuer': await signed({ iss: 'https://elsewhere.example/' }),
      'for another audience': await signed({ aud: 'payroll' }),
      'signed by a stranger': await signed({}, stranger.privateKey),
      'without a role': await signed({ roles: ['staff'] }),
    },
  };
}
