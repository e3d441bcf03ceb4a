import { z } from 'zod';
import { invalidParameter } from '../errors.ts';
import { applyFilters, filtersSchema, type Operation, operation, page, pageSchema } from './shared.ts';
import { showTable } from './taskView.ts';

const DEFAULT_TABLES_PER_PAGE = 100;

const describeTables = operation(
  z.object({ ReplicationTaskArn: z.string(), Filters: filtersSchema, ...pageSchema(20, 500) }),
  (input, region) => {
    const task = region.task(input.ReplicationTaskArn);
    const all = applyFilters([...task.progress.tables.values()], input.Filters, {
      'schema-name': (table) => table.schema,
      'table-name': (table) => table.table,
      'table-state': (table) => table.state,
    });
    const { items, ...marker } = page(all, (table) => table.name, input, DEFAULT_TABLES_PER_PAGE);
    return { ...marker, ReplicationTaskArn: input.ReplicationTaskArn, TableStatistics: items.map(showTable) };
  },
);

/** Reloading tables of a running task would truncate them at a target that others share; the lab has no use for it. */
const reloadTables = operation(
  z.object({
    ReplicationTaskArn: z.string(),
    TablesToReload: z.array(z.unknown()),
    ReloadOption: z.string().optional(),
  }),
  (input, region) => {
    region.task(input.ReplicationTaskArn);
    throw invalidParameter(
      'ReloadTables is not supported here: delete the rows at the target and create the task anew',
    );
  },
);

export const tableOperations: Readonly<Record<string, Operation>> = {
  DescribeTableStatistics: describeTables,
  ReloadTables: reloadTables,
};
