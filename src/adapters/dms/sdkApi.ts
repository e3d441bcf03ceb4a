import {
  CreateReplicationTaskCommand,
  DatabaseMigrationServiceClient,
  DeleteReplicationTaskCommand,
  DescribeAccountAttributesCommand,
  DescribeConnectionsCommand,
  DescribeEndpointsCommand,
  DescribeReplicationInstancesCommand,
  DescribeReplicationTasksCommand,
  DescribeTableStatisticsCommand,
  StartReplicationTaskCommand,
  StopReplicationTaskCommand,
  TestConnectionCommand,
} from '@aws-sdk/client-database-migration-service';
import type { DmsApi, PagedRequest } from './api.ts';
import { type DmsRegion, defaultRequestTimeoutMs } from './options.ts';

/** The calls, carried out by AWS's SDK. */
export function sdkApi(region: DmsRegion, requestTimeoutMs: number = defaultRequestTimeoutMs): DmsApi {
  const client = new DatabaseMigrationServiceClient({
    region: region.region,
    ...(region.endpoint === undefined ? {} : { endpoint: region.endpoint }),
    ...(region.credentials === undefined ? {} : { credentials: region.credentials }),
    // The SDK would repeat a start whose reply was lost, and hand back the second one's fault. We describe, then decide.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: Math.min(5_000, requestTimeoutMs) },
  });
  client.middlewareStack.add(
    (next) => async (call) => {
      try {
        return await next(call);
      } catch (error) {
        throw await withoutCredentials(client, error);
      }
    },
    { step: 'initialize', priority: 'high', name: 'withoutCredentials' },
  );
  const within = (signal: AbortSignal) => ({
    abortSignal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
  });

  return {
    describeTasks: (request, signal) =>
      client.send(
        new DescribeReplicationTasksCommand({ ...paged(request), WithoutSettings: request.withoutSettings }),
        within(signal),
      ),
    describeTableStatistics: ({ taskArn, marker, maxRecords }, signal) =>
      client.send(
        new DescribeTableStatisticsCommand({
          ReplicationTaskArn: taskArn,
          MaxRecords: maxRecords,
          ...(marker === null ? {} : { Marker: marker }),
        }),
        within(signal),
      ),
    createTask: (request, signal) =>
      client.send(
        new CreateReplicationTaskCommand({
          ReplicationTaskIdentifier: request.taskId,
          ReplicationInstanceArn: request.instanceArn,
          SourceEndpointArn: request.sourceEndpointArn,
          TargetEndpointArn: request.targetEndpointArn,
          MigrationType: request.migrationType,
          TableMappings: request.tableMappings,
          ReplicationTaskSettings: request.settings,
          ...(Object.keys(request.tags).length === 0
            ? {}
            : { Tags: Object.entries(request.tags).map(([Key, Value]) => ({ Key, Value })) }),
        }),
        within(signal),
      ),
    startTask: ({ taskArn, startType, cdcStartPosition }, signal) =>
      client.send(
        new StartReplicationTaskCommand({
          ReplicationTaskArn: taskArn,
          StartReplicationTaskType: startType,
          ...(cdcStartPosition === null ? {} : { CdcStartPosition: cdcStartPosition }),
        }),
        within(signal),
      ),
    stopTask: ({ taskArn }, signal) =>
      client.send(new StopReplicationTaskCommand({ ReplicationTaskArn: taskArn }), within(signal)),
    deleteTask: ({ taskArn }, signal) =>
      client.send(new DeleteReplicationTaskCommand({ ReplicationTaskArn: taskArn }), within(signal)),
    describeConnections: (request, signal) =>
      client.send(new DescribeConnectionsCommand(paged(request)), within(signal)),
    testConnection: ({ instanceArn, endpointArn }, signal) =>
      client.send(
        new TestConnectionCommand({ ReplicationInstanceArn: instanceArn, EndpointArn: endpointArn }),
        within(signal),
      ),
    describeInstances: (request, signal) =>
      client.send(new DescribeReplicationInstancesCommand(paged(request)), within(signal)),
    describeEndpoints: (request, signal) => client.send(new DescribeEndpointsCommand(paged(request)), within(signal)),
    describeAccountAttributes: (signal) => client.send(new DescribeAccountAttributesCommand({}), within(signal)),
    close: () => client.destroy(),
  };
}

/** What refuses a call may repeat its headers, and its words are told and kept. */
async function withoutCredentials(client: DatabaseMigrationServiceClient, error: unknown): Promise<unknown> {
  if (!(error instanceof Error)) return error;
  const known = await client.config.credentials().catch(() => null);
  const secrets = [known?.accessKeyId, known?.secretAccessKey, known?.sessionToken].filter(
    (each) => each !== undefined,
  );
  const hide = (text: string) => secrets.reduce((shown, secret) => shown.replaceAll(secret, '[secret]'), text);
  error.message = hide(error.message);
  if (error.stack !== undefined) error.stack = hide(error.stack);
  return error;
}

function paged({ filters, marker, maxRecords }: PagedRequest) {
  return {
    MaxRecords: maxRecords,
    ...(filters.length === 0
      ? {}
      : { Filters: filters.map(({ name, values }) => ({ Name: name, Values: [...values] })) }),
    ...(marker === null ? {} : { Marker: marker }),
  };
}
