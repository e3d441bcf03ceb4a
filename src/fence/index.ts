// The fence, as everything outside this folder imports it.
export { type FenceInstallReport, installFence } from './install.ts';
export {
  DEFAULT_PATIENCE,
  type FenceCluster,
  type FencePatience,
  type FencePlan,
  type FenceSite,
  type FenceUsers,
} from './plan.ts';
export { type FenceRefreshReport, refreshFence } from './refresh.ts';
export { type FenceRemoveReport, removeFence } from './remove.ts';
export { CONTROL_SCHEMA } from './schema.ts';
export { type FencePlaceStatus, type FenceTableStatus, fenceStatus, type TriggerState } from './status.ts';
export { fenceTriggers, type TriggerSide } from './triggers.ts';
