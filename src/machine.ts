import type { DmsApi } from './adapters/dms/api.ts';
import type { DmsRegion } from './adapters/dms/options.ts';
import { createExportFiles } from './adapters/exportFiles.ts';
import { systemIds } from './adapters/ids.ts';
import { type PlaceMachine, THIS_MACHINE } from './adapters/mysql/context.ts';
import { systemNetwork } from './adapters/network.ts';
import { type ConnectAdmin, connectAdmin } from './adapters/proxysql/admin.ts';
import { openPool, type StoreConfig, type StorePool } from './adapters/store/connection.ts';
import type { ExportFiles } from './ports/exportFiles.ts';
import type { Ids } from './ports/ids.ts';
import type { Network } from './ports/network.ts';
import { type CompareOrg, compareOrg } from './verification/index.ts';

/** Time, chance and every way out of the process; a simulation gives its own. */
export interface ControllerMachine extends PlaceMachine {
  readonly ids: Ids;
  readonly connectAdmin: ConnectAdmin;
  readonly openStore: (config: StoreConfig) => StorePool;
  /** Instead of the SDK. */
  readonly dmsApi?: (region: DmsRegion, homeRegion: string) => DmsApi;
  readonly compareOrg: CompareOrg;
  readonly openExports: (directory: string) => ExportFiles;
  readonly network: Network;
  /** False where nothing may happen beside the work: a simulation repeats every event. */
  readonly samples?: boolean;
}

export const thisMachine: ControllerMachine = {
  ...THIS_MACHINE,
  ids: systemIds,
  connectAdmin,
  openStore: openPool,
  compareOrg,
  openExports: createExportFiles,
  network: systemNetwork,
};
