import { CutoverError } from '../errors/index.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import type { Finding } from '../ports/finding.ts';
import type { Place } from '../ports/place.ts';
import type { AutoIncrement } from '../ports/settings.ts';
import type { Check } from './finding.ts';
import { countersFinding } from './idCounters.ts';

/** How one place hands out ids. */
export interface PlaceIds {
  readonly place: Place;
  readonly ids: AutoIncrement;
}

/**
 * No two places hand out the same id: one increment, an offset of its own for each, and at the cluster a counter above
 * what the sites gave out before that was so. Where no table has an AUTO_INCREMENT column nothing can collide.
 */
export const idFindings: Check = async (estate, { homeRegion }) => {
  const cluster = clusterOf(estate, homeRegion);
  const others = [...estate.clusters.values()].filter((place) => place !== cluster);
  const [own, elsewhere] = await Promise.all([
    Promise.all([...estate.sites, cluster].map((place) => idsOf(estate, place))),
    Promise.all(others.map((place) => idsOrFinding(estate, place))),
  ]);
  const unknown = elsewhere.flatMap((answer) => ('code' in answer ? [answer] : []));
  const all = [...own, ...elsewhere.flatMap((answer) => ('ids' in answer ? [answer] : []))];
  if (all.every(({ ids }) => ids.tables.length === 0)) return [];
  const counters = own.slice(0, -1).flatMap((site) =>
    (own.at(-1)?.ids.tables ?? []).flatMap((at) => {
      const table = estate.tables.find((each) => each.table === at.table);
      return table === undefined ? [] : [{ site, table, at }];
    }),
  );
  const behind = await Promise.all(
    counters.map(({ site, table, at }) => countersFinding(site, own.at(-1) as PlaceIds, table, at)),
  );
  return [...unknown, ...incrementFindings(all), ...offsetFindings(all), ...behind.flat()];
};

const idsOf = async (estate: Pick<Estate, 'tables'>, place: Place): Promise<PlaceIds> => ({
  place,
  ids: await place.autoIncrement(estate.tables),
});

/** Another region's cluster that does not answer keeps nobody from moving here. */
async function idsOrFinding(estate: Pick<Estate, 'tables'>, place: Place): Promise<PlaceIds | Finding> {
  try {
    return await idsOf(estate, place);
  } catch (error) {
    if (!(error instanceof CutoverError)) throw error;
    return {
      code: 'ID_OFFSET_UNKNOWN',
      severity: 'warn',
      message: `${place.name} does not say how it hands out ids: ${error.message}`,
      remedy: 'See that it has an auto_increment_offset that no other place has.',
      evidence: { place: place.name, because: error.code },
    };
  }
}

const remedy =
  'Give all sites and clusters one auto_increment_increment and each an auto_increment_offset of its own, not above it; then raise every AUTO_INCREMENT at the clusters above the sites’ greatest id.';

function incrementFindings(all: readonly PlaceIds[]): Finding[] {
  const increments = Object.fromEntries(all.map(({ place, ids }) => [place.name, ids.increment]));
  if (new Set(Object.values(increments)).size === 1) return [];
  return [
    {
      code: 'ID_INCREMENTS_DIFFER',
      severity: 'refuse',
      message: `sites and clusters count ids up by different steps (${shown(increments)}): sooner or later they hand out the same`,
      remedy,
      evidence: { increments },
    },
  ];
}

function offsetFindings(all: readonly PlaceIds[]): Finding[] {
  const offsets = Object.fromEntries(all.map(({ place, ids }) => [place.name, ids.offset]));
  // A server ignores an offset that is above its increment.
  const effective = all.map(({ ids }) => (ids.offset > ids.increment ? 1 : ids.offset % ids.increment));
  if (new Set(effective).size === all.length) return [];
  // Different steps are the finding; what they leave of the offsets says nothing.
  if (new Set(all.map(({ ids }) => ids.increment)).size > 1 && new Set(Object.values(offsets)).size === all.length) {
    return [];
  }
  return [
    {
      code: 'ID_OFFSETS_OVERLAP',
      severity: 'refuse',
      message: `sites and clusters hand out the same ids: their offsets are ${shown(offsets)}`,
      remedy,
      evidence: { offsets, increment: all[0]?.ids.increment },
    },
  ];
}

const shown = (values: Readonly<Record<string, number>>): string =>
  Object.entries(values)
    .map(([place, value]) => `${place} ${value}`)
    .join(', ');
