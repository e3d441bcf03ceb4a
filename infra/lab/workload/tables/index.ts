import { applicationBlob } from './applicationBlob.ts';
import { callLogs } from './callLogs.ts';
import { cdrTasks } from './cdrTasks.ts';
import { compositeUsage } from './compositeUsage.ts';
import { everyType } from './everyType.ts';
import type { TableKind } from './kind.ts';
import { recordingMetadata } from './recordingMetadata.ts';
import { wholesaleCallCostCache } from './wholesaleCallCostCache.ts';

/** All tables the workload writes. */
export const TABLE_KINDS: readonly TableKind[] = [
  callLogs,
  cdrTasks,
  recordingMetadata,
  applicationBlob,
  wholesaleCallCostCache,
  compositeUsage,
  everyType,
];

export {
  applicationBlob,
  callLogs,
  cdrTasks,
  compositeUsage,
  everyType,
  recordingMetadata,
  type TableKind,
  wholesaleCallCostCache,
};
