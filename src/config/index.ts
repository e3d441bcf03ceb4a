export { type Role, roles } from './identity.ts';
export { loadConfig, loadConfigForDiscovery, parseConfig } from './load.ts';
export { policyDefaults, policyRequestSchema, policySchema } from './policy.ts';
export type { Config } from './schema.ts';
export { tightenPolicy } from './tighten.ts';
