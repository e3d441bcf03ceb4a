import type { Finding } from '../ports/finding.ts';
import type { Check } from './finding.ts';
import { readSettings } from './placeSettings.ts';

/** Clocks that differ by less are taken for equal (milliseconds). */
const toleratedMs = 1_000;

/**
 * The clocks of sites and cluster agree. Nothing of a move rests on it; the rows do: times that the servers write
 * themselves jump at the flip.
 */
export const clockFindings: Check = async (estate, { homeRegion }) => {
  const { sites, cluster } = await readSettings(estate, homeRegion);
  return sites.flatMap((site): Finding[] => {
    const differenceMs = cluster.clock.aheadMs - site.clock.aheadMs;
    const certainMs = Math.abs(differenceMs) - cluster.clock.withinMs - site.clock.withinMs;
    if (certainMs <= toleratedMs) return [];
    return [
      {
        code: 'CLOCKS_DIFFER',
        severity: 'warn',
        message: `the clock of ${cluster.place} is ${Math.round(differenceMs)} ms ahead of that of ${site.place}: times that the servers write jump at the flip`,
        remedy: 'See that both keep their clocks by NTP.',
        evidence: { site: site.place, cluster: cluster.place, differenceMs: Math.round(differenceMs) },
      },
    ];
  });
};
