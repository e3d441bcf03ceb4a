import type { SimProxy } from '../proxy/simProxy.ts';
import { identityOf } from '../world/config.ts';
import type { World } from '../world/world.ts';

/** Where each proxy sends an org's writes, looked up again only where something was loaded since. */
export class Routes {
  readonly #world: World;
  readonly #known = new Map<SimProxy, { version: number; readonly sides: Map<number, string> }>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A version that grows with every change of any proxy's routes. */
  get version(): number {
    return this.#world.proxies.reduce((sum, proxy) => sum + proxy.routesVersion, 0);
  }

  /** `source`, a cluster's name, `held` where writes wait, or `several`. */
  sideAt(proxy: SimProxy, orgId: number): string {
    let known = this.#known.get(proxy);
    if (known === undefined || known.version !== proxy.routesVersion) {
      known = { version: proxy.routesVersion, sides: new Map() };
      this.#known.set(proxy, known);
    }
    let side = known.sides.get(orgId);
    if (side === undefined) {
      side = this.#look(proxy, orgId);
      known.sides.set(orgId, side);
    }
    return side;
  }

  /** As `sideAt`, of a plain read. */
  readSideAt(proxy: SimProxy, orgId: number): string {
    return this.#sideOf(proxy, orgId, `SELECT Version FROM BigDB.CallRecord WHERE OrgID = ${orgId} AND ID = 1`);
  }

  #look(proxy: SimProxy, orgId: number): string {
    const write = `UPDATE BigDB.CallRecord SET Version = 2 WHERE OrgID = ${orgId} AND ID = 1 AND Version < 2`;
    return this.#sideOf(proxy, orgId, write);
  }

  #sideOf(proxy: SimProxy, orgId: number, sql: string): string {
    const { user, schema, annotation } = identityOf(this.#world.choice.routing, orgId);
    const hosts = proxy.hostsFor(user, schema, `${annotation}${sql}`);
    const sides = new Set(hosts.map((host) => this.#world.sideOf(host)));
    if (sides.size === 0) return 'held';
    return sides.size === 1 ? ([...sides][0] ?? 'held') : 'several';
  }
}
