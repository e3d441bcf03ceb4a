import { endpointOperations } from './endpoints.ts';
import { instanceOperations } from './instances.ts';
import type { Operation } from './shared.ts';
import { tableOperations } from './tables.ts';
import { tagOperations } from './tags.ts';
import { taskOperations } from './tasks.ts';

/** All operations that are there, by the name in `x-amz-target`. */
export const operations: ReadonlyMap<string, Operation> = new Map(
  Object.entries({
    ...endpointOperations,
    ...instanceOperations,
    ...tagOperations,
    ...taskOperations,
    ...tableOperations,
  }),
);
