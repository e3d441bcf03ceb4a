/** An org of the lab. */
export interface LabOrg {
  readonly orgId: number;
  /** null: CoreDB knows the org, but not where it belongs. */
  readonly homeRegion: string | null;
}

/** Home regions in the order of the lab's clusters. */
export const HOME_REGIONS = ['eu-west-2', 'us-east-1'] as const;

// The first three are prefixes of each other, which catches whoever compares an org id as text.
const FIRST_ORG_IDS = [4, 42, 420];

/** `count` org ids: 4, 42, 420, then others; always the same ones. */
export function labOrgIds(count: number): number[] {
  const ids = [...FIRST_ORG_IDS];
  for (let n = 0; ids.length < count; n += 1) {
    const candidate = 7 + n * 17 + (n % 3) * 4_000;
    if (!ids.includes(candidate)) ids.push(candidate);
  }
  return ids.slice(0, count);
}
