import { CutoverError } from '../errors/index.ts';
import type { TaskQuota } from '../ports/replication.ts';
import type { Durations, Forecast } from '../waves/forecast.ts';
import type { InstanceOf } from '../waves/load.ts';
import type { WavePicture } from '../waves/picture.ts';
import { isOver } from '../waves/standing.ts';
import { lookAt } from '../waves/window.ts';
import type { WavePlan } from './waveStatus.ts';
import { isoOrNull, orgInShort } from './waveStatusOf.ts';

/** The dry run of a wave: its forecast, and whether DMS has room for it. */
export async function planOf(
  wave: WavePicture,
  { orgs, movedMs, endsMs, peak, standsStill }: Forecast,
  {
    nowMs,
    durations,
    instanceOf,
    quotas,
  }: {
    nowMs: number;
    durations: Durations;
    instanceOf: InstanceOf;
    quotas: (homeRegion: string) => Promise<readonly TaskQuota[]>;
  },
): Promise<WavePlan> {
  const times = new Map(orgs.map((org) => [org.orgId, org]));
  const unknown: string[] = [];
  const told: WavePlan['quotas'] = [];
  for (const [instance, tasks] of peak.tasks) {
    const homeRegion = wave.orgs.find((org) => instanceOf(org.homeRegion) === instance)?.homeRegion ?? instance;
    const has = wave.orgs.filter((org) => instanceOf(org.homeRegion) === instance && hasTasks(org)).length;
    try {
      for (const { where, used, max } of await quotas(homeRegion)) {
        // What its orgs have already is among the used ones.
        const needed = Math.max(0, tasks - 2 * has);
        told.push({ where, used, max, needed, fits: used + needed <= max });
      }
    } catch (error) {
      if (!(error instanceof CutoverError)) throw error;
      unknown.push(`the quotas of DMS for ${homeRegion}: ${error.message}`);
    }
  }
  return {
    id: wave.id,
    state: wave.state,
    orgs: wave.orgs.map((org) => {
      const course = times.get(org.orgId);
      return {
        ...orgInShort(org),
        startsAt: isoOrNull(course?.startsMs ?? null),
        flipsAt: isoOrNull(course?.flipsMs ?? null),
        completesAt: isoOrNull(course?.completesMs ?? null),
      };
    }),
    movedAt: isoOrNull(movedMs),
    endsAt: isoOrNull(endsMs),
    load: {
      loadingAtOnce: peak.loading,
      rowsPerSecond: peak.rowsPerSecond,
      rows: wave.orgs.filter((org) => org.standing === 'waiting').reduce((sum, { rows }) => sum + rows, 0),
    },
    tasks: [...peak.tasks].map(([homeRegions, atOnce]) => ({ homeRegions, atOnce })),
    quotas: told,
    windows: (['startWindow', 'flipWindow'] as const).flatMap((window) => {
      const times = wave.document.settings[window];
      if (times === undefined) return [];
      const look = lookAt(times, nowMs);
      return [{ window, open: look.open, until: isoOrNull(look.open ? look.closesMs : look.opensMs) }];
    }),
    standsStill,
    assumptions: [
      `an org takes ${Math.round(durations.startMs / 1_000)} s and a second for every ${durations.rowsPerSecond} of its rows until it is ready`,
      `a flip takes ${durations.flipMs} ms, a soak ${Math.round(durations.soakMs / 1_000)} s, and who has to approve or complete does so at once`,
      'what others have under way stays as it is, and nothing goes wrong',
    ],
    unknown,
  };
}

function hasTasks(org: WavePicture['orgs'][number]): boolean {
  return org.move !== null && !isOver(org) && org.standing !== 'starting';
}
