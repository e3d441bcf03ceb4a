/** Home regions, looked up in CoreDB. */
export interface OrgDirectory {
  /** The org's home region; `UnknownOrgError` without such an org, `NoHomeRegionError` where it has none. */
  homeRegion(orgId: number, signal?: AbortSignal): Promise<string>;
  ping(): Promise<void>;
  close(): Promise<void>;
}
