// The lab's workload, as everything outside this folder imports it.
export type { StatementKind } from './timings.ts';
export type {
  ClientErrorSample,
  ServedInterval,
  SideConnection,
  WorkloadCheck,
  WorkloadFinding,
  WorkloadOptions,
  WorkloadOrg,
  WorkloadProxy,
  WorkloadRouting,
} from './types.ts';
export { type CheckOptions, startWorkload, type Workload } from './workload.ts';
