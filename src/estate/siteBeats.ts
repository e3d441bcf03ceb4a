import { HeartbeatRowMissingError } from '../errors/index.ts';
import type { Place } from '../ports/place.ts';

/** Beats that were sent at one moment, one of each site. */
export interface SiteBeats {
  /** What has not arrived, as in `from lon1 at lon2`; nothing: what each site had when they were sent is at all others. */
  outstanding(signal?: AbortSignal): Promise<readonly string[]>;
}

/** Has each site beat for the org, and tells how far that has travelled to the others. */
export async function beatSites(sites: readonly Place[], orgId: number): Promise<SiteBeats> {
  const beats = await Promise.all(
    sites.map(async (site) => {
      const seq = (await site.beat([orgId])).get(orgId);
      if (seq === undefined) throw new HeartbeatRowMissingError(site.name, orgId);
      return { site, seq };
    }),
  );
  return {
    async outstanding(signal) {
      const seen = await Promise.all(sites.map((observer) => observer.readHeartbeats([orgId], signal)));
      return sites.flatMap((observer, index) => {
        const arrived = seen[index]?.get(orgId) ?? [];
        const seqOf = (site: Place) => arrived.find((heartbeat) => heartbeat.site === site.name)?.seq ?? 0;
        return beats
          .filter(({ site, seq }) => seqOf(site) < seq)
          .map(({ site }) => `from ${site.name} at ${observer.name}`);
      });
    },
  };
}
