import { createConnection } from 'mysql2/promise';
import pino from 'pino';
import { expect } from 'vitest';
import { parse, stringify } from 'yaml';
import { type DatabaseServer, onServer } from '../../infra/lab/databases/index.ts';
import { type Lab, type LabOptions, startLab } from '../../infra/lab/estate/lab.ts';
import { CONTROLLER_RANGES, SOURCE_HOSTGROUPS } from '../../infra/lab/estate/proxies.ts';
import type { RoutingConfig } from '../../src/adapters/proxysql/config.ts';
import { createProxy } from '../../src/adapters/proxysql/proxy.ts';
import { parseConfig, policyDefaults } from '../../src/config/index.ts';
import { closeEstate, openEstate } from '../../src/controller.ts';
import type { Finding } from '../../src/ports/finding.ts';
import type { ProxyTraffic } from '../../src/ports/traffic.ts';
import { createOrgs } from '../../src/service/orgs.ts';

/** A configuration as YAML gives it, for a test that wants another one. */
// biome-ignore lint/suspicious/noExplicitAny: any part of it may be changed to anything
type LooseConfig = any;

/** What is there when nothing was broken; a finding is known by what it says. */
const known = (findings: readonly Finding[]) => new Set(findings.map(({ code, message }) => `${code} ${message}`));

/** The lab without a controller, and preflight asked of it from within. */
export class PreflightWorld {
  readonly lab: Lab;
  /** Where nothing was broken. */
  baseline: readonly Finding[] = [];

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  static async start(options: LabOptions = {}): Promise<PreflightWorld> {
    const lab = await startLab({ orgs: 2, rows: 20, proxies: 1, ...options });
    const world = new PreflightWorld(lab);
    try {
      world.baseline = await world.findings();
      return world;
    } catch (error) {
      await lab.stop();
      throw error;
    }
  }

  stop = (): Promise<void> => this.lab.stop();

  get orgId(): number {
    return this.lab.orgs[0]?.orgId ?? 0;
  }

  get otherOrgId(): number {
    return this.lab.orgs[1]?.orgId ?? 0;
  }

  /** All findings for the first org, over connections of their own: what was changed at a server is seen. */
  async findings(change: (config: LooseConfig) => void = () => {}): Promise<readonly Finding[]> {
    const { text, env } = this.lab.config('preflight');
    const config = parse(text);
    change(config);
    const checked = parseConfig(stringify(config), { file: 'lab', folder: '.', env });
    const estate = openEstate(checked, pino({ level: 'silent' }));
    try {
      await estate.store.migrate();
      await estate.routing.start();
      const report = await createOrgs({ estate, policy: policyDefaults }).preflight(this.orgId);
      return report.findings as readonly Finding[];
    } finally {
      await closeEstate(estate);
    }
  }

  /** What is found now and was not at first. */
  async fresh(change?: (config: LooseConfig) => void): Promise<readonly Finding[]> {
    const before = known(this.baseline);
    return (await this.findings(change)).filter(({ code, message }) => !before.has(`${code} ${message}`));
  }

  /** Breaks something, expects exactly this finding, mends it, and expects nothing. */
  async finds(
    wanted: { readonly code: string; readonly severity: Finding['severity']; readonly count?: number },
    broken: () => Promise<unknown>,
    mended: () => Promise<unknown>,
    change?: (config: LooseConfig) => void,
  ): Promise<readonly Finding[]> {
    await broken();
    let found: readonly Finding[];
    try {
      found = await this.fresh(change);
    } finally {
      await mended();
    }
    const { code, severity, count = 1 } = wanted;
    const told = found.map((each) => ({ code: each.code, severity: each.severity }));
    expect(told, JSON.stringify(found, null, 1)).toEqual(Array.from({ length: count }, () => ({ code, severity })));
    for (const { message, remedy, evidence } of found) {
      expect([message, remedy].every((text) => text.length > 10)).toBe(true);
      expect(Object.keys(evidence).length).toBeGreaterThan(0);
    }
    expect(await this.fresh()).toEqual([]);
    return found;
  }

  /** At the first site, from where it replicates to the other. */
  async atSites(...statements: string[]): Promise<void> {
    await this.#at(this.#site(0), statements);
    await this.lab.sites.waitUntilInStep();
  }

  /** At one site alone; for settings. */
  atSite = (index: number, ...statements: string[]): Promise<void> => this.#at(this.#site(index), statements);

  atCluster = (...statements: string[]): Promise<void> => this.#at(this.cluster, statements);

  async everywhere(...statements: string[]): Promise<void> {
    await this.atSites(...statements);
    await this.atCluster(...statements);
  }

  get cluster(): DatabaseServer {
    const [cluster] = this.lab.clusters;
    if (cluster === undefined) throw new Error('the lab has no cluster');
    return cluster.server;
  }

  /** Admin statements at the first proxy. */
  async atProxy(...statements: string[]): Promise<void> {
    const { host, adminPort: port, adminUser: user, adminPassword: password } = this.proxy(0);
    const admin = await createConnection({ host, port, user, password });
    try {
      for (const statement of statements) await admin.query(statement);
    } finally {
      admin.destroy();
    }
  }

  proxy(index: number) {
    const proxy = this.lab.proxies[index];
    if (proxy === undefined) throw new Error('the lab has no proxy');
    return proxy;
  }

  /** What a proxy’s small tables tell. */
  async traffic(index: number): Promise<ProxyTraffic> {
    const { host, adminPort, adminUser, adminPassword, name } = this.proxy(index);
    const routing: RoutingConfig = {
      by: this.lab.routing,
      template: '',
      ...CONTROLLER_RANGES,
      source: SOURCE_HOSTGROUPS,
      clusters: {},
      longestHoldMs: 0,
    };
    const proxy = createProxy({ name, host, adminPort, adminUser, adminPassword }, routing);
    try {
      return await proxy.traffic();
    } finally {
      proxy.close();
    }
  }

  #site(index: number): DatabaseServer {
    const site = this.lab.sites.sites[index];
    if (site === undefined) throw new Error(`the lab has no site number ${index}`);
    return site.server;
  }

  async #at(server: DatabaseServer, statements: readonly string[]): Promise<void> {
    await onServer(server, async (connection) => {
      for (const statement of statements) await connection.query(statement);
    });
  }
}
