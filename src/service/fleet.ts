import { CutoverError, ProxyUnknownError } from '../errors/index.ts';
import { type AddDeps, addProxy } from '../fleet/add.ts';
import { type RemoveDeps, removeProxy } from '../fleet/remove.ts';
import type { FleetWatch, Sighting } from '../fleet/watch.ts';
import type { RouteKeeper } from '../flip/routeKeeper.ts';
import type { FleetRow, FleetView } from '../ports/fleet.ts';
import type { UpkeepReport, UpkeepStore } from '../ports/upkeep.ts';
import type { FleetService, FleetStatus, ProxyStatus } from './fleetStatus.ts';

/** Longest wait for one proxy's answer (milliseconds). */
const answerWithinMs = 1_500;

/** The fleet as the ways in see it. */
export function createFleetService(deps: {
  add: AddDeps & { readonly store: UpkeepStore };
  remove: RemoveDeps;
  watch: FleetWatch;
  keeper: RouteKeeper;
}): FleetService {
  const { add, remove, watch, keeper } = deps;
  const { membership } = add;

  const standingOf = (view: FleetView, name: string) => view.proxies.find((row) => row.name === name)?.standing;

  /** Orgs that wait at a proxy: it tells itself, or the loops that wait for it do. */
  const heldAt = async (name: string): Promise<readonly number[]> => {
    if (watch.sighting(name).reachable !== true) return keeper.waitingFor(name);
    try {
      return (await watch.find(name)?.held(add.clock.timeoutSignal(answerWithinMs))) ?? [];
    } catch (error) {
      if (!(error instanceof CutoverError)) throw error;
      return keeper.waitingFor(name);
    }
  };

  /** Where it sends whom; null where it cannot be asked. */
  const routesAt = async (name: string): Promise<ProxyStatus['routes']> => {
    const proxy = watch.find(name);
    if (proxy === undefined || watch.sighting(name).reachable !== true) return null;
    try {
      const routes: NonNullable<ProxyStatus['routes']> = { source: [], held: [], parked: [], cluster: [] };
      for (const [orgId, kind] of await proxy.routes(add.clock.timeoutSignal(answerWithinMs))) routes[kind].push(orgId);
      return routes;
    } catch (error) {
      if (!(error instanceof CutoverError)) throw error;
      return null;
    }
  };

  const statusOf = async (view: FleetView, name: string, found: UpkeepReport | null): Promise<ProxyStatus> =>
    proxyStatus(
      name,
      view.proxies.find((row) => row.name === name),
      membership.find(name) !== undefined,
      watch.sighting(name),
      await heldAt(name),
      await routesAt(name),
      found?.proxies.find((proxy) => proxy.name === name) ?? null,
      watch.strangers().find((stranger) => stranger.name === name)?.message ?? null,
    );

  return {
    async list(): Promise<FleetStatus> {
      const view = await membership.refresh();
      const found = await add.store.upkeepReport();
      const names = new Set([...remove.addresses.map(({ name }) => name), ...view.proxies.map(({ name }) => name)]);
      return {
        revision: view.revision,
        joining: view.joining,
        upkeep: found === null ? null : { at: new Date(found.atMs).toISOString(), ownRules: ownRulesOf(found) },
        proxies: await Promise.all([...names].map((name) => statusOf(view, name, found))),
      };
    },

    async remove(name, { reason }, actor) {
      const proxy = remove.addresses.find((each) => each.name === name);
      const view = await membership.refresh();
      const standing = standingOf(view, name);
      if (proxy === undefined || standing === undefined) throw new ProxyUnknownError(name);
      if (standing === 'member') await removeProxy(remove, proxy, { actor: actor.name, reason });
      return statusOf(await membership.refresh(), name, await add.store.upkeepReport());
    },

    async add(name, { reason }, actor) {
      const proxy = membership.find(name);
      if (proxy === undefined) throw new ProxyUnknownError(name);
      if (standingOf(await membership.refresh(), name) !== 'member') {
        await addProxy(add, proxy, { actor: actor.name, reason: reason ?? null });
        add.logger.info({ proxy: name, actor: actor.name }, 'a proxy was added to the fleet');
      }
      return statusOf(await membership.refresh(), name, await add.store.upkeepReport());
    },
  };
}

const ownRulesOf = ({ ownRules }: UpkeepReport) =>
  ownRules.map(({ orgIds, ...rest }) => ({ ...rest, orgIds: [...orgIds] }));

const iso = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : new Date(ms).toISOString());

function proxyStatus(
  name: string,
  row: FleetRow | undefined,
  configured: boolean,
  { reachable, silentSinceMs, message, facts }: Sighting,
  heldOrgs: readonly number[],
  routes: ProxyStatus['routes'],
  upkeep: UpkeepReport['proxies'][number] | null,
  warning: string | null,
): ProxyStatus {
  return {
    name,
    standing: row?.standing ?? 'notAdmitted',
    since: iso(row?.sinceMs),
    by: row?.actor ?? null,
    reason: row?.reason ?? null,
    evidence: { ...row?.evidence },
    configured,
    reachable,
    silentSince: iso(silentSinceMs),
    message,
    version: facts?.version ?? row?.facts?.version ?? null,
    heldOrgs: [...heldOrgs],
    routes,
    sharedOrgs: upkeep?.shared ?? null,
    drift: (upkeep?.drift ?? []).map(({ comment: _, ...drift }) => drift),
    drifts: upkeep?.drifts ?? 0,
    warning,
  };
}
