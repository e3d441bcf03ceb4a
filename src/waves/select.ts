import { type UnfitOrg, WaveEmptyError, WaveSelectionError } from '../errors/index.ts';
import type { DirectoryOrg, OrgDirectory } from '../ports/directory.ts';
import type { OrgTable, Place } from '../ports/place.ts';
import type { WaveOrg, WaveStore } from '../ports/waves.ts';
import type { WaveRequest } from './settings.ts';

export interface SelectDeps {
  readonly directory: Pick<OrgDirectory, 'orgs'>;
  readonly store: Pick<WaveStore, 'orgsMoving' | 'orgsInWaves'>;
  /** Where rows are estimated. */
  readonly site: Pick<Place, 'estimatedRows'>;
  readonly tables: readonly OrgTable[];
}

export type SelectedOrg = Pick<WaveOrg, 'orgId' | 'homeRegion' | 'rows' | 'canary'>;

const pageSize = 2_000;
/** Ids that one question to the directory names. */
const namedAtOnce = 1_000;

/**
 * The orgs of a new wave in their order. Named ones have to be fit to move, each of them: `WaveSelectionError` tells all
 * that are not. A filter leaves out what is not. Throws `WaveEmptyError` where nothing is left.
 */
export async function selectOrgs(deps: SelectDeps, request: WaveRequest): Promise<readonly SelectedOrg[]> {
  const [moving, inWaves] = await Promise.all([deps.store.orgsMoving(), deps.store.orgsInWaves()]);
  const unfitness = ({ orgId, homeRegion }: DirectoryOrg): Omit<UnfitOrg, 'orgId'> | null => {
    const move = moving.get(orgId);
    if (move !== undefined) return { why: move.completed ? 'moved' : 'moving', of: move.migrationId };
    const wave = inWaves.get(orgId);
    if (wave !== undefined) return { why: 'inWave', of: wave };
    return homeRegion === null ? { why: 'noHomeRegion', of: null } : null;
  };
  const found =
    request.orgs === undefined
      ? await byFilter(deps, request, unfitness)
      : await byName(deps.directory, request.orgs, unfitness);
  const sized = await withRows(deps, found);
  return inOrder(sized, request);
}

type Unfitness = (org: DirectoryOrg) => Omit<UnfitOrg, 'orgId'> | null;
type Found = DirectoryOrg & { readonly homeRegion: string };
const hasRegion = (org: DirectoryOrg): org is Found => org.homeRegion !== null;

async function byName(
  directory: SelectDeps['directory'],
  orgs: readonly number[],
  unfitness: Unfitness,
): Promise<readonly Found[]> {
  const known = new Map<number, DirectoryOrg>();
  for (let from = 0; from < orgs.length; from += namedAtOnce) {
    const orgIds = orgs.slice(from, from + namedAtOnce);
    for (const org of await directory.orgs({ orgIds, after: 0, limit: namedAtOnce })) known.set(org.orgId, org);
  }
  const seen = new Set<number>();
  const unfit: UnfitOrg[] = [];
  for (const orgId of orgs) {
    const org = known.get(orgId);
    if (seen.has(orgId)) unfit.push({ orgId, why: 'duplicate', of: null });
    else if (org === undefined) unfit.push({ orgId, why: 'unknown', of: null });
    else {
      const why = unfitness(org);
      if (why !== null) unfit.push({ orgId, ...why });
    }
    seen.add(orgId);
  }
  if (unfit.length > 0) throw new WaveSelectionError(unfit);
  const named = orgs.map((orgId) => known.get(orgId)).filter((org) => org !== undefined);
  if (named.length === 0) throw new WaveEmptyError({});
  return named.filter(hasRegion);
}

async function byFilter(
  { directory }: SelectDeps,
  { filter = {} }: WaveRequest,
  unfitness: Unfitness,
): Promise<readonly Found[]> {
  const { homeRegion, fromOrg = 1, toOrg = Number.MAX_SAFE_INTEGER, except = [] } = filter;
  const left = new Set(except);
  const found: Found[] = [];
  const skipped: Record<string, number> = {};
  for (let after = fromOrg - 1; ; ) {
    const page = await directory.orgs({ after, limit: pageSize, ...(homeRegion !== undefined && { homeRegion }) });
    for (const org of page) {
      if (org.orgId > toOrg || left.has(org.orgId)) continue;
      const why = unfitness(org)?.why;
      if (why !== undefined) skipped[why] = (skipped[why] ?? 0) + 1;
      else if (hasRegion(org)) found.push(org);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize || last.orgId >= toOrg) break;
    after = last.orgId;
  }
  if (found.length === 0) throw new WaveEmptyError(skipped);
  return found;
}

async function withRows({ site, tables }: SelectDeps, orgs: readonly Found[]): Promise<readonly SelectedOrg[]> {
  const rows = await site.estimatedRows(
    tables,
    orgs.map(({ orgId }) => orgId),
  );
  return orgs.map(({ orgId, homeRegion }) => ({ orgId, homeRegion, rows: rows.get(orgId) ?? 0, canary: false }));
}

/** Canaries first, then as the request wants it; a filter's limits on size and number apply in that order. */
function inOrder(orgs: readonly SelectedOrg[], { filter, order, canaries }: WaveRequest): readonly SelectedOrg[] {
  const { minRows = 0, maxRows = Number.POSITIVE_INFINITY, atMost = orgs.length } = filter ?? {};
  const fitting = orgs.filter(({ rows }) => rows >= minRows && rows <= maxRows);
  const sorted =
    order === 'asGiven' ? fitting : fitting.toSorted((one, other) => one.rows - other.rows || one.orgId - other.orgId);
  const named = new Set(canaries?.orgs ?? []);
  const missing = [...named].filter((orgId) => !fitting.some((org) => org.orgId === orgId));
  if (missing.length > 0) {
    throw new WaveSelectionError(missing.map((orgId) => ({ orgId, why: 'notInWave', of: null })));
  }
  const first = [...sorted.filter(({ orgId }) => named.has(orgId)), ...sorted.filter(({ orgId }) => !named.has(orgId))];
  const chosen = first.slice(0, atMost);
  if (chosen.length === 0) throw new WaveEmptyError({ 'of another size': orgs.length });
  const count = canaries === undefined ? 0 : (canaries.count ?? named.size);
  return chosen.map((org, index) => ({ ...org, canary: index < count }));
}
