import { randomBytes } from 'node:crypto';
import { startMariaDb } from './mariadb.ts';
import { onServer, replicateBothWays, replicationRuns, siteVariables, waitUntilInStep } from './replication.ts';
import type { DatabaseServer } from './server.ts';

/** One of the sites that replicate with each other. */
export interface SiteServer {
  readonly name: string;
  readonly server: DatabaseServer;
  /** Stops what this site takes from the other one (the other direction goes on). */
  stopReplication(): Promise<void>;
  startReplication(): Promise<void>;
  /** Both threads of this site's replication run. */
  replicationRuns(): Promise<boolean>;
}

/** Two sites, each replicating from the other. */
export interface Sites {
  readonly sites: readonly SiteServer[];
  /** By name; throws for a name that does not exist. */
  site(name: string): SiteServer;
  /** Waits until each site has everything that the other one had when this was called. */
  waitUntilInStep(options?: { timeoutMs?: number }): Promise<void>;
  stop(): Promise<void>;
}

/** What to start. */
export interface SitesOptions {
  readonly baseDir: string;
  /** Two names, in the order of their GTID domains and offsets. */
  readonly names?: readonly [string, string];
  /** For both; see `DatabaseServerOptions.variables`. */
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * Starts two MariaDB sites that replicate master-master by GTID, and returns when both directions run.
 * Site number n (from 1) has server id, GTID domain and auto-increment offset n.
 */
export async function startSites({ baseDir, names = ['lon1', 'lon2'], variables = {} }: SitesOptions): Promise<Sites> {
  const servers = await Promise.all(
    names.map((name, index) =>
      startMariaDb({
        name,
        baseDir,
        variables: { ...siteVariables(index + 1), ...variables },
      }),
    ),
  );
  const [first, second] = servers as [DatabaseServer, DatabaseServer];
  try {
    await replicateBothWays(first, second, randomBytes(12).toString('hex'));
    const sites = [new Site(first), new Site(second)];
    return {
      sites,
      site(name) {
        const found = sites.find((candidate) => candidate.name === name);
        if (found === undefined) throw new TypeError(`no site is called ${name}`);
        return found;
      },
      waitUntilInStep: (options) => waitUntilInStep(servers, options?.timeoutMs),
      stop: async () => {
        await Promise.all(servers.map((server) => server.stop()));
      },
    };
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()));
    throw error;
  }
}

class Site implements SiteServer {
  readonly name: string;
  readonly server: DatabaseServer;

  constructor(server: DatabaseServer) {
    this.name = server.name;
    this.server = server;
  }

  async stopReplication(): Promise<void> {
    await onServer(this.server, (connection) => connection.query('STOP SLAVE'));
  }

  async startReplication(): Promise<void> {
    await onServer(this.server, (connection) => connection.query('START SLAVE'));
  }

  replicationRuns(): Promise<boolean> {
    return replicationRuns(this.server);
  }
}
