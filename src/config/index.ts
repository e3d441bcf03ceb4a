export { loadConfig, parseConfig } from './load.ts';
export { policyDefaults, policyRequestSchema, policySchema } from './policy.ts';
export { type Config, type Role, roles } from './schema.ts';
export { tightenPolicy } from './tighten.ts';
