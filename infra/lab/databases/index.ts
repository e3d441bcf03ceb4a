// The lab's database servers, as everything outside this folder imports them.
export { startCluster } from './cluster.ts';
export { type ControlServers, startControl } from './control.ts';
export { LabDatabaseError, type LabDatabaseErrorCode } from './errors.ts';
export { freePort } from './freePort.ts';
export { guardFolder, guardProcess, makeTempFolder, removeFolder } from './guardian.ts';
export { MARIADB_SETTINGS, startMariaDb } from './mariadb.ts';
export { MYSQL_SETTINGS, mySqlIsAvailable, startMySql } from './mysql.ts';
export { pollUntil } from './poll.ts';
export {
  AUTO_INCREMENT_INCREMENT,
  clusterIdVariables,
  onServer,
  replicateBothWays,
  siteVariables,
  waitUntilInStep,
} from './replication.ts';
export type { DatabaseAddress, DatabaseServer, DatabaseServerOptions } from './server.ts';
export { type SiteServer, type Sites, type SitesOptions, startSites } from './sites.ts';
