import { clusterOf, type Estate } from '../estate/estate.ts';
import type { Finding } from '../ports/finding.ts';
import type { AccountFacts, Accounts, Place } from '../ports/place.ts';
import type { Destination, DestinationLogin, DestinationServer } from '../ports/routing.ts';
import type { PlaceLoad } from '../ports/traffic.ts';
import type { Check } from './finding.ts';

/** A look of the proxy's monitor counts for so long (milliseconds). */
const lookGoodForMs = 60_000;
/** Share of a server's connections that ought to stay free when the org has come. */
const reserve = 0.1;
const onRows = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

/** What one proxy has of the destination. */
interface At extends Destination {
  readonly proxy: string;
}

/** What the places say of the org's users. */
interface There {
  readonly cluster: string;
  readonly accounts: Accounts;
  /** At the first site, which serves them today. */
  readonly before: Accounts;
  readonly load: PlaceLoad;
}

/**
 * From every proxy the destination would let the org in, as its own user. Nobody but the org's clients has its password,
 * so nothing logs in here: what proxy and cluster say of themselves is put together, and what that leaves open is told.
 */
export const destinationFindings: Check = async (estate, migration) => {
  const { orgId, homeRegion } = migration;
  await estate.routing.refresh();
  const at = await Promise.all(
    estate.routing.proxies.map(
      async (proxy): Promise<At> => ({ proxy: proxy.name, ...(await proxy.destination({ orgId, homeRegion })) }),
    ),
  );
  return judgeDestination(orgId, at, await lookThere(estate, clusterOf(estate, homeRegion), at));
};

async function lookThere(estate: Estate, cluster: Place, at: readonly At[]): Promise<There> {
  const users = [...new Set(at.flatMap(({ logins }) => logins.map(({ user }) => user)))];
  const [accounts, before, load] = await Promise.all([
    cluster.accounts(users, estate.tables),
    estate.sites[0].accounts(users, estate.tables),
    cluster.load(),
  ]);
  return { cluster: cluster.name, accounts, before, load };
}

/** Exported for what a lab cannot have. */
export function judgeDestination(orgId: number, at: readonly At[], there: There): Finding[] {
  const logins = new Map(at.flatMap((each) => each.logins.map((login) => [login.user, login] as const)));
  return [
    ...at.flatMap((each) => [...loginFindings(each), ...serverFindings(each, there)]),
    ...[...logins.keys()].flatMap((user) => accountFindings(user, at, there)),
    ...roomFindings(at, there),
    ...unprovenFinding(orgId, at, there),
  ];
}

function loginFindings({ proxy, logins }: At): Finding[] {
  return logins
    .filter(({ usable }) => !usable)
    .map(({ user }) => ({
      code: 'PROXY_USER_MISSING',
      severity: 'refuse',
      message: `proxy ${proxy} knows no active user ${user} that clients come as and that it goes on as`,
      remedy: 'Make the user in mysql_users on every instance, with backend=1 and frontend=1.',
      evidence: { proxy, user },
    }));
}

function serverFindings({ proxy, servers }: At, { cluster, accounts }: There): Finding[] {
  return servers.flatMap((server): Finding[] => {
    const evidence = { proxy, cluster, server: `${server.host}:${server.port}` };
    const found: Finding[] = [];
    const error = server.open > 0 ? null : (server.lastLook?.error ?? null);
    if (error !== null) {
      found.push({
        code: 'PROXY_DESTINATION_SILENT',
        severity: 'refuse',
        message: `proxy ${proxy} does not reach ${evidence.server} of ${cluster}: ${error}`,
        remedy: 'Check route, security group, TLS and the monitor’s account from that proxy.',
        evidence: { ...evidence, error },
      });
    }
    const asking = (accounts.accounts ?? []).filter(({ tlsRequired }) => tlsRequired).map(({ user }) => user);
    if (!server.usesTls && (accounts.tlsRequired || asking.length > 0)) {
      found.push({
        code: 'PROXY_DESTINATION_TLS',
        severity: 'refuse',
        message: `proxy ${proxy} connects to ${evidence.server} without TLS, which ${accounts.tlsRequired ? cluster : `the account of ${asking.join(', ')}`} demands`,
        remedy: 'Set use_ssl=1 for the server in mysql_servers on every instance.',
        evidence: { ...evidence, serverDemands: accounts.tlsRequired, usersDemand: asking },
      });
    }
    return found;
  });
}

/** One user of the org's, as the cluster has it: one of its accounts has to let the proxies in, and give what the site gives. */
function accountFindings(user: string, at: readonly At[], { cluster, accounts, before }: There): Finding[] {
  if (accounts.accounts === null) return [];
  const own = accounts.accounts.filter((account) => account.user === user);
  if (own.length === 0) {
    return [
      {
        code: 'DESTINATION_USER_MISSING',
        severity: 'refuse',
        message: `${cluster} has no account for ${user}, as which the org’s clients come`,
        remedy: 'Make the account there with the same password and the same rights as at the sites.',
        evidence: { cluster, user },
      },
    ];
  }
  const closed = own.filter(({ locked, expired }) => locked || expired);
  const refusing = at.filter(({ logins }) =>
    logins.some((login) => login.user === user && own.every(({ plugin, hash }) => login.fits(plugin, hash) === false)),
  );
  if (closed.length === own.length || refusing.length > 0) {
    const why = closed.length === own.length ? 'it is locked or its password has expired' : 'it has another password';
    return [
      {
        code: 'DESTINATION_USER_REFUSED',
        severity: 'refuse',
        message: `${cluster} would not let ${user} in${refusing.length > 0 ? ` from ${refusing.map(({ proxy }) => proxy).join(', ')}` : ''}: ${why}`,
        remedy: 'Give the account the password that the proxies have, and unlock it.',
        evidence: { cluster, user, hosts: own.map(({ host }) => host), proxies: refusing.map(({ proxy }) => proxy) },
      },
    ];
  }
  return grantFindings(user, cluster, own, before);
}

function grantFindings(user: string, cluster: string, own: readonly AccountFacts[], before: Accounts): Finding[] {
  const here = (before.accounts ?? []).filter((account) => account.user === user);
  if (here.length === 0 || [...own, ...here].some(({ hasRoles }) => hasRoles)) return [];
  const may = (accounts: readonly AccountFacts[], table: string, privilege: string) =>
    accounts.some(({ onTables }) => onTables.get(table)?.has(privilege));
  const lacking = [...(here[0]?.onTables.keys() ?? [])].flatMap((table) =>
    onRows
      .filter((privilege) => may(here, table, privilege) && !may(own, table, privilege))
      .map((privilege) => `${privilege} on ${table}`),
  );
  if (lacking.length === 0) return [];
  return [
    {
      code: 'DESTINATION_GRANTS_MISSING',
      severity: 'refuse',
      message: `${user} may at the sites and may not at ${cluster}: ${lacking.join(', ')}`,
      remedy: 'Grant there what the sites grant.',
      evidence: { cluster, user, lacking },
    },
  ];
}

/**
 * All connections that the org's clients have now would be wanted at once. Where users are shared with other orgs that
 * is far more than the org will want: a warning.
 */
function roomFindings(at: readonly At[], { cluster, load }: There): Finding[] {
  const wantedAt = ({ logins }: Destination) => logins.reduce((sum, { connections }) => sum + connections, 0);
  const full = at.flatMap((each) => {
    const { servers, proxy } = each;
    const online = servers.filter(({ status }) => status === 'ONLINE');
    const most = online.reduce((sum, { maxConnections }) => sum + maxConnections, 0);
    const open = online.reduce((sum, server) => sum + server.open, 0);
    // Without a server that is online that is the finding, and told elsewhere.
    return online.length === 0 || most - open >= wantedAt(each) ? [] : [{ where: `proxy ${proxy}`, most, open }];
  });
  const wanted = at.reduce((sum, each) => sum + wantedAt(each), 0);
  const own = at.every(({ ownLogins }) => ownLogins);
  const left = load.limit - load.connected;
  if (left < wanted + load.limit * reserve) full.push({ where: cluster, most: load.limit, open: load.connected });
  return full.map(({ where, most, open }) => ({
    code: 'DESTINATION_CONNECTIONS_SHORT',
    severity: own && most - open < wanted ? 'refuse' : 'warn',
    message: `${where} has little room for the ${wanted} connections of ${own ? 'the org' : 'all who log in as the org’s users'}: ${open} of ${most} are open`,
    remedy: 'Raise max_connections there, or have idle connections closed, before the org comes.',
    evidence: { where, limit: most, open, wanted },
  }));
}

/** What was proven and what was not, of each proxy. */
function unprovenFinding(orgId: number, at: readonly At[], there: There): Finding[] {
  const proofs = at.map((each) => ({
    proxy: each.proxy,
    network:
      each.servers.length > 0 && each.servers.every(isReached)
        ? 'proven'
        : 'not proven: no connection is open, and the monitor has not looked',
    authentication: authentication(each.logins, there.accounts),
    grants: grantsProven(each.logins, there),
  }));
  const open = proofs.filter(({ network, authentication: how, grants }) =>
    [network, how, grants].some((each) => each !== 'proven'),
  );
  if (open.length === 0) return [];
  return [
    {
      code: 'DESTINATION_UNPROVEN',
      severity: 'warn',
      message: `it is not proven in full that ${there.cluster} lets the clients of org ${orgId} in from every proxy; the evidence says what is`,
      remedy:
        'Log in at the cluster from that proxy as the org’s user, or: mysql-monitor_enabled=true, and SELECT on mysql.user, mysql.db and mysql.tables_priv for the controller.',
      evidence: { cluster: there.cluster, proxies: open },
    },
  ];
}

const isReached = ({ open, lastLook }: DestinationServer): boolean =>
  open > 0 || (lastLook !== null && lastLook.error === null && lastLook.agoMs < lookGoodForMs);

function authentication(logins: readonly DestinationLogin[], { accounts }: Accounts): string {
  if (accounts === null) return 'not proven: the controller may not see the cluster’s accounts';
  if (logins.length === 0) return 'not proven: no user of the org is known';
  const unsure = logins.filter((login) =>
    accounts.every(({ user, plugin, hash }) => user !== login.user || login.fits(plugin, hash) !== true),
  );
  if (unsure.length === 0) return 'proven';
  return `not proven: of ${unsure.map(({ user, password }) => `${user} (${password})`).join(', ')} only a login tells`;
}

function grantsProven(logins: readonly DestinationLogin[], { accounts, before }: There): string {
  if (accounts.accounts === null || before.accounts === null) {
    return 'not proven: the controller may not see the accounts';
  }
  const all = [...accounts.accounts, ...before.accounts].filter(({ user }) =>
    logins.some((login) => login.user === user),
  );
  if (all.length === 0) return 'not proven: no user of the org is known';
  return all.some(({ hasRoles }) => hasRoles) ? 'not proven: roles are not looked into' : 'proven';
}
