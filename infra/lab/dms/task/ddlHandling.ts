import type { Connection } from 'mysql2';
import type { SourceDdl } from '../binlog/ddl.ts';
import { messageOf } from '../errors.ts';
import { describeTable, type SourceTable } from '../sql/columns.ts';
import { quoteName, quoteTable, run } from '../sql/connect.ts';
import type { RunSpec } from './spec.ts';

/**
 * Carries a DDL statement of the source over to the target, where ChangeProcessingDdlHandlingPolicy says so (its default does): the
 * whole table is changed there, whatever the task's filter.
 *
 * @returns the changed tables' new descriptions at the target, null for a dropped one
 */
export async function carryOverDdl(
  connection: Connection,
  ddl: SourceDdl,
  spec: RunSpec,
): Promise<Map<string, SourceTable | null>> {
  const policy = spec.settings.ChangeProcessingDdlHandlingPolicy;
  const wanted = {
    dropped: policy.HandleSourceTableDropped,
    truncated: policy.HandleSourceTableTruncated,
    altered: policy.HandleSourceTableAltered,
  }[ddl.kind];
  const changed = new Map<string, SourceTable | null>();
  for (const name of ddl.tables) {
    const statistics = spec.progress.tables.get(name);
    if (statistics === undefined) continue;
    statistics.ddls += 1;
    statistics.touch();
    if (!wanted) continue;
    const { schema, table } = statistics;
    try {
      if (ddl.kind === 'altered') {
        await run(connection, `USE ${quoteName(ddl.schema === '' ? schema : ddl.schema)}`);
        await run(connection, ddl.sql);
      } else {
        await run(
          connection,
          `${ddl.kind === 'dropped' ? 'DROP TABLE IF EXISTS' : 'TRUNCATE TABLE'} ${quoteTable(schema, table)}`,
        );
      }
      statistics.appliedDdls += 1;
    } catch (error) {
      spec.log(`DDL on ${name} failed at the target: ${messageOf(error)}`);
    }
    changed.set(name, await describeTable(connection, schema, table));
  }
  return changed;
}
