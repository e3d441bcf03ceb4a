import { CutoverError } from './base.ts';

/** No wave has this id. */
export class UnknownWaveError extends CutoverError {
  readonly code = 'WAVE_UNKNOWN';
  readonly remedy = 'List the waves and use an id from there.';

  constructor(waveId: string) {
    super(`there is no wave ${waveId}`, { details: { waveId } });
  }
}

/** An org that was named for a wave, and why it cannot be in it. */
export interface UnfitOrg {
  readonly orgId: number;
  readonly why: 'unknown' | 'duplicate' | 'noHomeRegion' | 'moved' | 'moving' | 'inWave' | 'notInWave';
  /** The migration or the wave that it has already. */
  readonly of: string | null;
}

const words: Readonly<Record<UnfitOrg['why'], string>> = {
  unknown: 'not in CoreDB',
  duplicate: 'named twice',
  noHomeRegion: 'without a home region that a cluster serves',
  moved: 'moved already',
  moving: 'moving already',
  inWave: 'in another wave',
  notInWave: 'a canary, and not among the orgs of the wave',
};

/** Told with every org that is wrong, up to so many. */
const namedAtMost = 200;

/** Orgs that were named for a wave cannot be in it: all of them are told, not the first. */
export class WaveSelectionError extends CutoverError {
  readonly code = 'WAVE_SELECTION_REFUSED';
  readonly remedy = 'Leave these orgs out, or mend what is said of each.';

  constructor(unfit: readonly UnfitOrg[]) {
    const named = unfit.slice(0, 10).map(({ orgId, why }) => `${orgId} is ${words[why]}`);
    const more = unfit.length > 10 ? `; and ${unfit.length - 10} more` : '';
    super(`a wave cannot have these orgs: ${named.join('; ')}${more}`, {
      details: { orgs: unfit.slice(0, namedAtMost), total: unfit.length },
    });
  }
}

/** Another wave that has not ended got one of the orgs first. */
export class WaveOverlapError extends CutoverError {
  readonly code = 'WAVE_OVERLAPS';
  readonly remedy = 'Make the wave again without these orgs, or cancel the other wave first.';

  constructor(orgs: readonly { readonly orgId: number; readonly waveId: string }[]) {
    const named = orgs.slice(0, 10).map(({ orgId, waveId }) => `org ${orgId} is in wave ${waveId}`);
    super(`waves may not share orgs: ${named.join('; ')}`, {
      details: { orgs: orgs.slice(0, namedAtMost), total: orgs.length },
    });
  }
}

/** Nothing matched, or nothing was named. */
export class WaveEmptyError extends CutoverError {
  readonly code = 'WAVE_EMPTY';
  readonly remedy = 'Widen the filter, or name the orgs; an org that has moved, moves or is in a wave does not match.';

  constructor(skipped: Readonly<Record<string, number>>) {
    const told = Object.entries(skipped).map(([why, orgs]) => `${orgs} ${why}`);
    super(`no org is left for the wave${told.length > 0 ? ` (${told.join(', ')})` : ''}`, { details: { skipped } });
  }
}

/** A window that has no time left. */
export class WindowNeverOpensError extends CutoverError {
  readonly code = 'WINDOW_NEVER_OPENS';
  readonly remedy = 'Give it times of some length, on days that lie between its first and its last.';

  constructor(window: string) {
    super(`the ${window} never opens`, { details: { window } });
  }
}

/** No such time zone. */
export class TimeZoneUnknownError extends CutoverError {
  readonly code = 'TIME_ZONE_UNKNOWN';
  readonly remedy = 'Use a name from the IANA time zone database, such as Europe/London or UTC.';

  constructor(window: string, timeZone: string) {
    super(`the ${window} has the time zone ${timeZone}, which does not exist`, { details: { window, timeZone } });
  }
}
