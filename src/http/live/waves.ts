import type { FreezeStatus, OperationsService } from '../../service/operations.ts';
import type { WaveOrgStatus, WaveStatus } from '../../service/waveStatus.ts';
import type { WaveService } from '../../service/waves.ts';

/** All waves, and whether anything may start. */
export interface WavesSight {
  readonly waves: readonly WaveStatus[];
  readonly freeze: FreezeStatus;
}

/** What the page of one wave shows, at one moment. */
export interface WaveSight {
  readonly wave: WaveStatus;
  readonly orgs: readonly WaveOrgStatus[];
  readonly freeze: FreezeStatus;
}

const wavesAtOnce = 100;
const orgsAtOnce = 1_000;

/** Looks at all waves; those that have ended are not looked at again. */
export async function lookAtWaves(
  service: Pick<WaveService, 'list'>,
  operations: Pick<OperationsService, 'freezeStatus'>,
  before: WavesSight | null,
): Promise<WavesSight> {
  const freeze = await operations.freezeStatus();
  const known = new Map((before?.waves ?? []).map((wave) => [wave.id, wave]));
  const waves: WaveStatus[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<WaveService['list']>> = await service.list({
      limit: wavesAtOnce,
      known,
      ...(cursor !== null && { cursor }),
    });
    waves.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return { waves, freeze };
}

/** Looks at one wave and at all its orgs. */
export async function lookAtWave(
  service: Pick<WaveService, 'get' | 'orgs'>,
  operations: Pick<OperationsService, 'freezeStatus'>,
  id: string,
): Promise<WaveSight> {
  const [wave, freeze] = await Promise.all([service.get(id), operations.freezeStatus()]);
  const orgs: WaveOrgStatus[] = [];
  for (;;) {
    const page = await service.orgs(id, { after: orgs.at(-1)?.position ?? 0, limit: orgsAtOnce });
    orgs.push(...page);
    if (page.length < orgsAtOnce) return { wave, orgs, freeze };
  }
}

/** The orgs that are not what they were. Which orgs a wave has never changes. */
export function orgsChanged(before: readonly WaveOrgStatus[], now: readonly WaveOrgStatus[]): readonly WaveOrgStatus[] {
  const old = new Map(before.map((org) => [org.orgId, JSON.stringify(org)]));
  return now.filter((org) => old.get(org.orgId) !== JSON.stringify(org));
}
