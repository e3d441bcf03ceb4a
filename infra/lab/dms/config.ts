import { z } from 'zod';

const ms = z.number().min(0);

/** How long the steps of a task's life take. The real service needs about 20 s to create or start a task and 6 minutes to delete one. */
export const latenciesSchema = z.strictObject({
  createMs: ms.default(20),
  startMs: ms.default(20),
  stopMs: ms.default(20),
  modifyMs: ms.default(20),
  deleteMs: ms.default(50),
  testConnectionMs: ms.default(20),
  /** Describe shows what was true this long ago. */
  describeStalenessMs: ms.default(10),
  /** What one second of RecoverableErrorInterval lasts. */
  recoverableSecondMs: ms.default(100),
  /** What one second of BatchApplyTimeoutMin lasts. */
  batchApplySecondMs: ms.default(200),
});

/** The quotas of an AWS account and region. */
export const quotasSchema = z.strictObject({
  replicationInstances: z.number().int().default(60),
  endpointsPerInstance: z.number().int().default(100),
  tasks: z.number().int().default(600),
  tasksPerInstance: z.number().int().default(200),
});

/**
 * The bucket of API calls. AWS refills 4 to 8 a second; the lab's tasks live a hundred times faster and are asked for as much more
 * often.
 */
export const apiBucketSchema = z.strictObject({
  capacity: z.number().int().min(1).default(200),
  refillPerSecond: z.number().min(0).default(200),
});

export const configSchema = z.strictObject({
  region: z.string().default('eu-west-2'),
  accountId: z
    .string()
    .regex(/^\d{12}$/)
    .default('123456789012'),
  /** Replication instances that are there from the start. */
  instances: z.array(z.string()).default(['bigdb-cutover']),
  latencies: latenciesSchema.prefault({}),
  quotas: quotasSchema.prefault({}),
  apiBucket: apiBucketSchema.prefault({}),
});

export type DmsConfig = z.infer<typeof configSchema>;
export type Latencies = z.infer<typeof latenciesSchema>;
export type DmsConfigInput = z.input<typeof configSchema>;
