import { CutoverError } from './base.ts';

/** CoreDB knows no such org. */
export class UnknownOrgError extends CutoverError {
  readonly code = 'ORG_UNKNOWN';
  readonly remedy = 'Check the OrgID; an org must be in CoreDB before it can move.';
  readonly orgId: number;

  constructor(orgId: number) {
    super(`org ${orgId} is not in CoreDB`, { details: { orgId } });
    this.orgId = orgId;
  }
}

/** The org has no home region in CoreDB, or one that no cluster serves. */
export class NoHomeRegionError extends CutoverError {
  readonly code = 'ORG_WITHOUT_HOME_REGION';
  readonly remedy = 'Set the org’s home region in CoreDB to a region that has a cluster in the configuration.';
  readonly orgId: number;
  readonly homeRegion: string | null;

  constructor(orgId: number, homeRegion: string | null) {
    super(
      homeRegion === null
        ? `org ${orgId} has no home region in CoreDB`
        : `org ${orgId} has the home region ${homeRegion}, which no configured cluster serves`,
      { details: { orgId, homeRegion } },
    );
    this.orgId = orgId;
    this.homeRegion = homeRegion;
  }
}

/** CoreDB did not answer. */
export class DirectoryUnavailableError extends CutoverError {
  readonly code = 'DIRECTORY_UNAVAILABLE';
  readonly remedy = 'Check that CoreDB is reachable with the configured account; the step is tried again by itself.';
  readonly transient = true;
}
