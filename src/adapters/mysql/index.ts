// Sites and clusters, as everything outside this folder imports them.
export type { Account, ClusterConfig, PlaceTuning, SiteConfig } from './config.ts';
export { createCluster, createSite, type DatabasePlace } from './place.ts';
