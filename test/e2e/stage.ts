import { type Connection, type ConnectionOptions, createConnection, type RowDataPacket } from 'mysql2/promise';
import { parse, stringify } from 'yaml';
import { type DatabaseServer, onServer, pollUntil } from '../../infra/lab/databases/index.ts';
import { ApiRefusal, LabApi } from '../../infra/lab/demo/api.ts';
import { type ControllerProcess, startController } from '../../infra/lab/estate/controllerProcess.ts';
import { type Lab, type LabOptions, startLab } from '../../infra/lab/estate/lab.ts';
import type { LabOrgAccess } from '../../infra/lab/estate/platform.ts';
import type { ProxySqlServer } from '../../infra/lab/proxysql/start.ts';
import type { MigrationStatus } from '../../src/service/status.ts';

const ended = new Set(['completed', 'rolledBack', 'cancelled']);

/** Gates as in production, waits short enough for a test. */
export const quickPolicy = {
  lagSamples: 3,
  flipBudgetMs: 3_000,
  flipTries: 3,
  flipBackoffMs: 200,
  flipBackoffMaxMs: 800,
  soakMs: 60_000,
} as const;

/** A configuration as YAML gives it, for a test that wants to spoil it. */
// biome-ignore lint/suspicious/noExplicitAny: any part of it may be changed to anything
export type LooseConfig = any;

/** The whole platform with controllers as processes of their own, and an engineer at the API of one of them. */
export class Stage {
  readonly lab: Lab;
  readonly api: LabApi;
  #controller: ControllerProcess | undefined;
  #controllers = 0;
  readonly #changed: ControllerProcess[] = [];
  readonly #connections = new Set<Connection>();

  private constructor(lab: Lab) {
    this.lab = lab;
    this.api = new LabApi(() => this.controller.api, lab.tokens);
  }

  static async start(options: LabOptions = {}): Promise<Stage> {
    const stage = new Stage(
      await startLab({ orgs: 12, rows: 300, ...options, policy: { ...quickPolicy, ...options.policy } }),
    );
    try {
      await stage.startController();
      return stage;
    } catch (error) {
      await stage.stop();
      throw error;
    }
  }

  /** The controller whose API is used. */
  get controller(): ControllerProcess {
    if (this.#controller === undefined) throw new Error('no controller runs');
    return this.#controller;
  }

  /** Starts one more controller; the API is used of this one from now on. `change` is made to its configuration. */
  async startController(
    change?: (config: LooseConfig) => void,
    variables: Record<string, string> = {},
  ): Promise<ControllerProcess> {
    const name = `controller-${++this.#controllers}`;
    if (change === undefined) {
      this.#controller = await this.lab.controller(name);
    } else {
      const { text, env } = this.lab.config(name);
      const config = parse(text);
      change(config);
      this.#controller = await startController(
        name,
        { text: stringify(config), env: { ...env, ...variables } },
        this.lab.baseDir,
      );
      this.#changed.push(this.#controller);
    }
    return this.#controller;
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    for (const proxy of this.lab.proxies) proxy.thaw();
    await Promise.all(this.#changed.map((controller) => controller.stop()));
    await this.lab.stop();
  }

  get cluster(): DatabaseServer {
    const [cluster] = this.lab.clusters;
    if (cluster === undefined) throw new Error('the lab has no cluster');
    return cluster.server;
  }

  get sites(): readonly DatabaseServer[] {
    return this.lab.sites.sites.map(({ server }) => server);
  }

  /** The org at this place in the lab's list. */
  org(index: number): LabOrgAccess {
    const org = this.lab.orgs[index];
    if (org === undefined) throw new Error(`the lab has no org number ${index}`);
    return org;
  }

  proxy(index: number): ProxySqlServer {
    const proxy = this.lab.proxies[index];
    if (proxy === undefined) throw new Error(`the lab has no proxy number ${index}`);
    return proxy;
  }

  /** A client of the org at a proxy. */
  async client(orgId: number, proxyIndex = 0, options: ConnectionOptions = {}): Promise<Connection> {
    const access = this.lab.orgs.find((org) => org.orgId === orgId);
    if (access === undefined) throw new Error(`the lab has no org ${orgId}`);
    const { host, port } = this.proxy(proxyIndex);
    const { user, password, database } = access;
    const own = { host, port, user, password, database, charset: 'utf8mb4' };
    const connection = await createConnection({ ...own, ...options });
    this.#connections.add(connection);
    // A connection that is cut is part of some tests.
    connection.on('error', () => {});
    return connection;
  }

  /** An application that knows a site's address and goes past the proxies. */
  async direct(siteIndex: number): Promise<Connection> {
    const site = this.sites[siteIndex];
    if (site === undefined) throw new Error(`the lab has no site number ${siteIndex}`);
    const { user, password } = this.lab.accounts.app;
    const connection = await createConnection({ host: site.host, port: site.port, user, password });
    this.#connections.add(connection);
    return connection;
  }

  /** Runs one statement at a server, past the proxies. */
  async at<T = RowDataPacket[]>(server: DatabaseServer, sql: string, values: unknown[] = []): Promise<T> {
    return onServer(server, async (connection) => (await connection.query(sql, values))[0] as T);
  }

  /** Runs admin statements at a proxy; gives the rows of the last. */
  async admin(proxyIndex: number, ...statements: string[]): Promise<RowDataPacket[]> {
    const { host, adminPort: port, adminUser: user, adminPassword: password } = this.proxy(proxyIndex);
    const admin = await createConnection({ host, port, user, password });
    try {
      let rows: RowDataPacket[] = [];
      for (const statement of statements) [rows] = await admin.query<RowDataPacket[]>(statement);
      return rows;
    } finally {
      admin.destroy();
    }
  }

  /** Comment of the org's rules, proxy by proxy: null where it has none. */
  async routes(orgId: number): Promise<(string | null)[]> {
    const rows = await Promise.all(
      this.lab.proxies.map((_, index) =>
        this.admin(index, `SELECT DISTINCT comment FROM mysql_query_rules WHERE comment LIKE '% org=${orgId} %'`),
      ),
    );
    return rows.map((found) => found.map(({ comment }) => String(comment)).join(' | ') || null);
  }

  /** The state that the org's rules say on every proxy, as in `cluster`. */
  async routeStates(orgId: number): Promise<string[]> {
    return (await this.routes(orgId)).map((comment) => /state=(\w+)/.exec(comment ?? '')?.[1] ?? 'none');
  }

  /** Resolves as soon as a proxy runs the org's hold. */
  async untilHeld(orgId: number, proxyIndex = 0): Promise<void> {
    await pollUntil(
      `the hold of org ${orgId}`,
      async () =>
        (
          await this.admin(
            proxyIndex,
            `SELECT 1 FROM runtime_mysql_query_rules WHERE comment LIKE '% org=${orgId} % state=held %'`,
          )
        ).length > 0,
      { timeoutMs: 180_000, everyMs: 10 },
    );
  }

  /** Polls a migration until the condition holds. One that ended or waits for an operator instead is an error. */
  async until(
    id: string,
    what: string,
    condition: (status: MigrationStatus) => boolean,
    timeoutMs = 360_000,
  ): Promise<MigrationStatus> {
    let last: MigrationStatus | undefined;
    return pollUntil(
      `${what}; it is ${id}`,
      async () => {
        last = await this.api.get(id);
        if (condition(last)) return last;
        if (last.state === 'needsOperator' || ended.has(last.state)) throw this.#elsewhere(what, last);
        return undefined;
      },
      { timeoutMs, everyMs: 50 },
    ).catch((error: unknown) => {
      throw last === undefined || condition(last) ? error : this.#elsewhere(what, last);
    });
  }

  #elsewhere(what: string, { orgId, state, reason, waitsFor, findings }: MigrationStatus): Error {
    const refused = findings.filter(({ severity }) => severity === 'refuse');
    return new Error(
      `org ${orgId} is in ${state}, not ${what}; reason ${JSON.stringify(reason)}; findings ${JSON.stringify(refused)}; waits for ${waitsFor}; log of the controllers in ${this.lab.baseDir}`,
    );
  }

  untilState = (id: string, state: string, timeoutMs?: number): Promise<MigrationStatus> =>
    this.until(id, state, (status) => status.state === state || status.state.startsWith(`${state}.`), timeoutMs);

  untilOperator = (id: string): Promise<MigrationStatus> =>
    this.until(id, 'needsOperator', ({ state }) => state === 'needsOperator');

  /** Waits until so many attempts were aborted, and gives the last of them. */
  async untilAborted(id: string, times = 1): Promise<NonNullable<MigrationStatus['attempts'][number]>> {
    const { attempts } = await this.until(
      id,
      `an aborted attempt`,
      ({ attempts }) =>
        attempts.filter(({ decision, endedAt }) => decision === 'abort' && endedAt !== null).length >= times,
    );
    const attempt = attempts.filter(({ decision }) => decision === 'abort').at(times - 1);
    if (attempt === undefined) throw new Error('there is no aborted attempt');
    return attempt;
  }

  async toReady(orgId: number, policy: Record<string, unknown> = {}): Promise<string> {
    const { id } = await this.api.create(orgId, policy);
    await this.api.command(id, 'start');
    await this.untilState(id, 'ready');
    return id;
  }

  /** Approves and follows the org onto the cluster, compared and found equal. */
  async toSoaking(id: string): Promise<MigrationStatus> {
    await this.api.command(id, 'approve');
    const status = await this.untilState(id, 'soaking');
    if (status.verification?.outcome !== 'equal') throw this.#elsewhere('found equal', status);
    return status;
  }

  async toCompleted(id: string): Promise<MigrationStatus> {
    await this.api.command(id, 'complete');
    return this.untilState(id, 'completed');
  }

  /** A request that the API has to refuse; gives status and problem. */
  async refusal(request: Promise<unknown>): Promise<{ status: number; problem: Record<string, unknown> }> {
    const error = await request.then(
      () => new Error('the API did not refuse'),
      (reason: unknown) => reason,
    );
    if (!(error instanceof ApiRefusal)) throw error;
    return { status: error.status, problem: error.problem as Record<string, unknown> };
  }
}

/** As in a failover of Aurora: the server refuses everybody's writes, and reads go on. */
export async function refuseWrites(server: DatabaseServer, refuse: boolean): Promise<void> {
  // In MySQL the stricter one switches the other one on with it, and goes off with it.
  const variable = server.flavour === 'mysql' && refuse ? 'super_read_only' : 'read_only';
  await onServer(server, (connection) => connection.query(`SET GLOBAL ${variable} = ${refuse ? 'ON' : 'OFF'}`));
}

/** All of them to the end, so that nothing goes on behind a test; then the first failure. */
export async function all<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
