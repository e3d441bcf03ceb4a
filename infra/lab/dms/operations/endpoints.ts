import { z } from 'zod';
import { ENGINE_DISPLAY_NAMES, type Endpoint, initStatementsOf, targetOf } from '../endpoint.ts';
import { alreadyExists, invalidParameter, messageOf, quotaExceeded, wrongState } from '../errors.ts';
import { checkIdentifier, checkResourceIdentifier } from '../identifiers.ts';
import type { Connection, Region } from '../region.ts';
import { close, connect, run } from '../sql/connect.ts';
import { openTarget } from '../task/target.ts';
import {
  applyFilters,
  filtersSchema,
  found,
  type Operation,
  operation,
  page,
  pageSchema,
  tagsSchema,
} from './shared.ts';
import { setTags } from './tags.ts';

const mySqlSettings = z.looseObject({
  ServerName: z.string().optional(),
  Port: z.number().int().optional(),
  Username: z.string().optional(),
  Password: z.string().optional(),
  DatabaseName: z.string().optional(),
  AfterConnectScript: z.string().optional(),
});

const createEndpoint = operation(
  z.object({
    EndpointIdentifier: z.string(),
    EndpointType: z.enum(['source', 'target']),
    EngineName: z.enum(['mysql', 'mariadb', 'aurora']),
    Username: z.string().optional(),
    Password: z.string().optional(),
    ServerName: z.string().optional(),
    Port: z.number().int().min(1).max(65_535).optional(),
    DatabaseName: z.string().optional(),
    ExtraConnectionAttributes: z.string().optional(),
    SslMode: z.enum(['none', 'require', 'verify-ca', 'verify-full']).default('none'),
    Tags: tagsSchema.optional(),
    MySQLSettings: mySqlSettings.optional(),
    ResourceIdentifier: z.string().optional(),
  }),
  (input, region) => {
    checkIdentifier('EndpointIdentifier', input.EndpointIdentifier);
    checkResourceIdentifier(input.ResourceIdentifier);
    // Identifiers are kept in lower case.
    const identifier = input.EndpointIdentifier.toLowerCase();
    const arn = region.arn('endpoint', input.ResourceIdentifier);
    if ([...region.endpoints.values()].some((each) => each.identifier === identifier) || region.endpoints.has(arn)) {
      throw alreadyExists(`Endpoint ${identifier} already exists`);
    }
    if (region.endpoints.size >= region.config.quotas.endpointsPerInstance * region.instances.size) {
      throw quotaExceeded('The quota for this resource quota has been exceeded: endpoints');
    }
    if (input.SslMode !== 'none')
      throw invalidParameter('SslMode other than none needs a certificate, which is not supported here');
    const settings = input.MySQLSettings;
    const host = input.ServerName ?? settings?.ServerName;
    const port = input.Port ?? settings?.Port;
    const user = input.Username ?? settings?.Username;
    const password = input.Password ?? settings?.Password;
    if (host === undefined || port === undefined || user === undefined || password === undefined) {
      throw invalidParameter('ServerName, Port, Username and Password are required');
    }
    const { Password: _secret, ...shownSettings } = settings ?? {};
    const endpoint: Endpoint = {
      identifier,
      arn,
      type: input.EndpointType,
      engine: input.EngineName,
      address: { host, port, user, password },
      databaseName: input.DatabaseName ?? settings?.DatabaseName ?? null,
      sslMode: input.SslMode,
      extraConnectionAttributes: input.ExtraConnectionAttributes ?? null,
      mySqlSettings: settings === undefined ? null : shownSettings,
      initStatements: initStatementsOf(input.ExtraConnectionAttributes, settings?.AfterConnectScript),
      deleting: false,
    };
    region.endpoints.set(arn, endpoint);
    setTags(region, arn, input.Tags ?? []);
    return { Endpoint: show(endpoint) };
  },
);

const describeEndpoints = operation(z.object({ Filters: filtersSchema, ...pageSchema(20, 100) }), (input, region) => {
  const all = applyFilters([...region.endpoints.values()], input.Filters, {
    'endpoint-arn': (endpoint) => endpoint.arn,
    'endpoint-type': (endpoint) => endpoint.type,
    'endpoint-id': (endpoint) => endpoint.identifier,
    'engine-name': (endpoint) => endpoint.engine,
  });
  const { items, ...marker } = page(
    found(all, input.Filters, 'No Endpoints found matching provided filters'),
    (endpoint) => endpoint.arn,
    input,
  );
  return { ...marker, Endpoints: items.map(show) };
});

const deleteEndpoint = operation(z.object({ EndpointArn: z.string() }), (input, region) => {
  const endpoint = region.endpoint(input.EndpointArn);
  const user = [...region.tasks.values()].find(
    ({ definition }) => definition.sourceArn === endpoint.arn || definition.targetArn === endpoint.arn,
  );
  if (user !== undefined) {
    throw wrongState(`Endpoint ${endpoint.arn} is part of one or more ReplicationTasks: ${user.definition.identifier}`);
  }
  if (endpoint.deleting) throw wrongState(`Endpoint ${endpoint.arn} is already being deleted`);
  endpoint.deleting = true;
  region.later(region.config.latencies.deleteMs, () => {
    region.endpoints.delete(endpoint.arn);
    region.tags.delete(endpoint.arn);
    for (const [key, connection] of region.connections) {
      if (connection.endpointArn === endpoint.arn) region.connections.delete(key);
    }
  });
  return { Endpoint: show(endpoint) };
});

const testConnection = operation(
  z.object({ ReplicationInstanceArn: z.string(), EndpointArn: z.string() }),
  (input, region) => {
    const instance = region.instance(input.ReplicationInstanceArn);
    const endpoint = region.endpoint(input.EndpointArn);
    if (instance.status !== 'available') throw wrongState(`Replication Instance ${instance.arn} is not available`);
    if (region.connection(instance.arn, endpoint.arn)?.status === 'testing') {
      throw wrongState(`Connection of ${endpoint.arn} is already being tested`);
    }
    const connection: Connection = {
      instanceArn: instance.arn,
      endpointArn: endpoint.arn,
      status: 'testing',
      lastFailureMessage: null,
    };
    region.connections.set(`${instance.arn} ${endpoint.arn}`, connection);
    region.later(region.config.latencies.testConnectionMs, () => void tryOut(endpoint, connection));
    return { Connection: showConnection(connection, region) };
  },
);

async function tryOut(endpoint: Endpoint, connection: Connection): Promise<void> {
  try {
    const watch = (): void => undefined;
    if (endpoint.type === 'target') {
      close((await openTarget(targetOf(endpoint), watch)).connection);
    } else {
      const source = await connect(endpoint.address, watch);
      await run(source, 'SELECT 1');
      close(source);
    }
    connection.status = 'successful';
  } catch (error) {
    connection.lastFailureMessage = `Test Endpoint failed: Application-Status: 1020912, Application-Message: Failed to connect. Application-Detailed-Message: ${messageOf(error)}`;
    connection.status = 'failed';
  }
}

const describeConnections = operation(z.object({ Filters: filtersSchema, ...pageSchema(20, 100) }), (input, region) => {
  const all = applyFilters([...region.connections.values()], input.Filters, {
    'endpoint-arn': (connection) => connection.endpointArn,
    'replication-instance-arn': (connection) => connection.instanceArn,
  });
  const { items, ...marker } = page(
    found(all, input.Filters, 'No Connections found matching provided filters'),
    (connection) => `${connection.endpointArn} ${connection.instanceArn}`,
    input,
  );
  return { ...marker, Connections: items.map((connection) => showConnection(connection, region)) };
});

function show(endpoint: Endpoint): Record<string, unknown> {
  return {
    EndpointIdentifier: endpoint.identifier,
    EndpointType: endpoint.type.toUpperCase(),
    EngineName: endpoint.engine,
    EngineDisplayName: ENGINE_DISPLAY_NAMES[endpoint.engine],
    Username: endpoint.address.user,
    ServerName: endpoint.address.host,
    Port: endpoint.address.port,
    ...(endpoint.databaseName === null ? {} : { DatabaseName: endpoint.databaseName }),
    ...(endpoint.extraConnectionAttributes === null
      ? {}
      : { ExtraConnectionAttributes: endpoint.extraConnectionAttributes }),
    ...(endpoint.mySqlSettings === null ? {} : { MySQLSettings: endpoint.mySqlSettings }),
    Status: endpoint.deleting ? 'deleting' : 'active',
    EndpointArn: endpoint.arn,
    SslMode: endpoint.sslMode,
  };
}

function showConnection(connection: Connection, region: Region): Record<string, unknown> {
  return {
    ReplicationInstanceArn: connection.instanceArn,
    EndpointArn: connection.endpointArn,
    Status: connection.status,
    ...(connection.lastFailureMessage === null ? {} : { LastFailureMessage: connection.lastFailureMessage }),
    EndpointIdentifier: region.endpoints.get(connection.endpointArn)?.identifier ?? '',
    ReplicationInstanceIdentifier: region.instances.get(connection.instanceArn)?.identifier ?? '',
  };
}

export const endpointOperations: Readonly<Record<string, Operation>> = {
  CreateEndpoint: createEndpoint,
  DescribeEndpoints: describeEndpoints,
  DeleteEndpoint: deleteEndpoint,
  TestConnection: testConnection,
  DescribeConnections: describeConnections,
};
