/** An org that the directory has. */
export interface DirectoryOrg {
  readonly orgId: number;
  /** As it stands there; null without one, or where no cluster serves it. */
  readonly homeRegion: string | null;
}

/** Home regions, looked up in CoreDB. */
export interface OrgDirectory {
  /** The org's home region; `UnknownOrgError` without such an org, `NoHomeRegionError` where it has none. */
  homeRegion(orgId: number, signal?: AbortSignal): Promise<string>;
  /** Orgs by their id, those behind `after`; `homeRegion` and `orgIds` leave the others out. */
  orgs(
    query: {
      readonly homeRegion?: string;
      readonly orgIds?: readonly number[];
      readonly after: number;
      readonly limit: number;
    },
    signal?: AbortSignal,
  ): Promise<readonly DirectoryOrg[]>;
  ping(): Promise<void>;
  close(): Promise<void>;
}
