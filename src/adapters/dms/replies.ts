import { z } from 'zod';

/** Shapes of DMS's replies, as far as the controller reads them. What it does not read is not looked at. */

const text = z.string();
const optionalText = z
  .string()
  .nullish()
  .transform((value) => value ?? null);
const count = z
  .number()
  .nullish()
  .transform((value) => value ?? 0);

const pages = new Map<string, ReturnType<typeof makePageSchema>>();

/** A page: its items as they came, and the marker of the next one. Made once for each kind: every poll asks for it. */
export function pageSchema(items: string) {
  const known = pages.get(items);
  if (known !== undefined) return known;
  const made = makePageSchema(items);
  pages.set(items, made);
  return made;
}

function makePageSchema(items: string) {
  return z
    .looseObject({
      Marker: z
        .string()
        .nullish()
        .transform((value) => (value === undefined || value === '' ? null : value)),
      [items]: z.array(z.unknown()).nullish(),
    })
    .transform((page) => ({ marker: page.Marker as string | null, items: (page[items] ?? []) as readonly unknown[] }));
}

const noStats = { FullLoadProgressPercent: 0, TablesLoading: 0, TablesQueued: 0, TablesErrored: 0, TablesLoaded: 0 };

/** One task as a Describe shows it. */
export const taskSchema = z
  .object({
    ReplicationTaskIdentifier: text,
    ReplicationTaskArn: text,
    ReplicationInstanceArn: text,
    SourceEndpointArn: text,
    TargetEndpointArn: text,
    MigrationType: text,
    Status: text,
    StopReason: optionalText,
    LastFailureMessage: optionalText,
    TableMappings: optionalText,
    ReplicationTaskSettings: optionalText,
    ReplicationTaskStats: z
      .object({
        FullLoadProgressPercent: count,
        TablesLoaded: count,
        TablesLoading: count,
        TablesQueued: count,
        TablesErrored: count,
      })
      .nullish(),
  })
  .transform((task) => {
    const stats = task.ReplicationTaskStats ?? noStats;
    return {
      id: task.ReplicationTaskIdentifier,
      arn: task.ReplicationTaskArn,
      instanceArn: task.ReplicationInstanceArn,
      sourceEndpointArn: task.SourceEndpointArn,
      targetEndpointArn: task.TargetEndpointArn,
      migrationType: task.MigrationType,
      status: task.Status,
      /** Without DMS's words `Stop Reason `. */
      stopReason: task.StopReason?.replace(/^Stop Reason /, '') || null,
      lastFailure: task.LastFailureMessage || null,
      mappings: task.TableMappings,
      settings: task.ReplicationTaskSettings,
      fullLoadPercent: stats.FullLoadProgressPercent,
      tablesLoaded: stats.TablesLoaded,
      tablesLoading: stats.TablesLoading,
      tablesQueued: stats.TablesQueued,
      tablesErrored: stats.TablesErrored,
    };
  });
export type ObservedTask = z.infer<typeof taskSchema>;

/** Enough of anybody's task to count it and to see whether it is ours. */
export const foreignTaskSchema = z.object({ ReplicationTaskIdentifier: text, ReplicationInstanceArn: text });

export const tableSchema = z
  .object({
    SchemaName: text,
    TableName: text,
    TableState: optionalText,
    FullLoadRows: count,
    Inserts: count,
    Updates: count,
    Deletes: count,
  })
  .transform((table) => ({
    schema: table.SchemaName,
    table: table.TableName,
    state: table.TableState ?? '',
    fullLoadRows: table.FullLoadRows,
    inserts: table.Inserts,
    updates: table.Updates,
    deletes: table.Deletes,
  }));

export const connectionSchema = z
  .object({
    ReplicationInstanceArn: text,
    EndpointArn: text,
    EndpointIdentifier: optionalText,
    Status: text,
    LastFailureMessage: optionalText,
  })
  .transform((connection) => ({
    instanceArn: connection.ReplicationInstanceArn,
    endpointArn: connection.EndpointArn,
    endpointId: connection.EndpointIdentifier,
    status: connection.Status.toLowerCase(),
    lastFailure: connection.LastFailureMessage || null,
  }));
export type ObservedConnection = z.infer<typeof connectionSchema>;

export const instanceSchema = z.object({ ReplicationInstanceArn: text, ReplicationInstanceStatus: text });
export const instancesSchema = z.object({
  ReplicationInstances: z
    .array(instanceSchema)
    .nullish()
    .transform((value) => value ?? []),
});
export const endpointSchema = z.object({
  EndpointArn: text,
  EndpointIdentifier: optionalText,
  EndpointType: text,
  Status: optionalText,
  /** Absent where it stands in Secrets Manager. */
  Username: optionalText,
});
export const quotasSchema = z.object({
  AccountQuotas: z
    .array(z.object({ AccountQuotaName: text, Used: count, Max: count }))
    .nullish()
    .transform((value) => value ?? []),
});
