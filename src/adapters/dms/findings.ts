import { CutoverError } from '../../errors/base.ts';
import type { Finding } from '../../ports/finding.ts';

import type { Region } from './region.ts';
import { endpointSchema, instanceSchema, quotasSchema } from './replies.ts';

/** Tasks that one org needs at the same time: the forward one, and the reverse one made before the flip. */
const tasksPerOrg = 2;
/** Documented quotas, for what the account's attributes do not name. */
const tasksPerInstance = 200;
const tasksPerRegion = 600;
/** Share of a quota that ought to stay free. */
const reserve = 0.1;

/** What stands in the way of an org's tasks in this region. Only looks; one check's failure does not hide the others. */
export async function regionFindings(region: Region, signal: AbortSignal): Promise<readonly Finding[]> {
  const checks = [instanceFindings, endpointFindings, connectionFindings, quotaFindings];
  const found = await Promise.all(
    checks.map((check) =>
      check(region, signal).catch((error: unknown): Finding[] => {
        if (!(error instanceof CutoverError)) throw error;
        const { code, message, remedy, details } = error;
        return [{ code, severity: 'refuse', message, remedy, evidence: details }];
      }),
    ),
  );
  // A region that does not answer says so once.
  return found.flat().filter((one, index, all) => all.findIndex((other) => sameFinding(one, other)) === index);
}

async function instanceFindings({ calls, config }: Region, signal: AbortSignal): Promise<Finding[]> {
  const arn = config.replicationInstanceArn;
  const filters = [{ name: 'replication-instance-arn', values: [arn] }];
  const items = await calls.readAll(
    'DescribeReplicationInstances',
    'ReplicationInstances',
    (api, { marker }, within) => api.describeInstances({ filters, marker, maxRecords: 100 }, within),
    signal,
  );
  const instances = (items ?? []).map((item) => calls.parse('DescribeReplicationInstances', instanceSchema, item));
  const instance = instances.find((one) => one.ReplicationInstanceArn === arn);
  if (instance === undefined) {
    return [
      refuse('DMS_INSTANCE_MISSING', `replication instance ${arn} does not exist in ${config.region}`, {
        remedy: 'Correct the instance’s ARN in the configuration, or create the instance.',
        evidence: { replicationInstanceArn: arn, region: config.region },
      }),
    ];
  }
  const status = instance.ReplicationInstanceStatus;
  if (status === 'available') return [];
  return [
    refuse('DMS_INSTANCE_NOT_AVAILABLE', `replication instance ${arn} is ${status}`, {
      remedy: 'Wait until the instance is available, or repair it.',
      evidence: { replicationInstanceArn: arn, status },
    }),
  ];
}

async function endpointFindings({ calls, config }: Region, signal: AbortSignal): Promise<Finding[]> {
  const wanted = wantedEndpoints(config);
  const filters = [{ name: 'endpoint-arn', values: [...new Set(wanted.map(({ arn }) => arn))] }];
  const items = await calls.readAll(
    'DescribeEndpoints',
    'Endpoints',
    (api, { marker }, within) => api.describeEndpoints({ filters, marker, maxRecords: 100 }, within),
    signal,
  );
  const endpoints = (items ?? []).map((item) => calls.parse('DescribeEndpoints', endpointSchema, item));
  return wanted.flatMap(({ arn, type, setting }) => {
    const endpoint = endpoints.find((one) => one.EndpointArn === arn);
    const evidence = { endpointArn: arn, setting };
    if (endpoint === undefined) {
      return [
        refuse('DMS_ENDPOINT_MISSING', `endpoint ${arn} (${setting}) does not exist in ${config.region}`, {
          remedy: 'Correct the endpoint’s ARN in the configuration, or create the endpoint.',
          evidence,
        }),
      ];
    }
    if (endpoint.EndpointType.toLowerCase() !== type) {
      return [
        refuse('DMS_ENDPOINT_WRONG_TYPE', `endpoint ${arn} (${setting}) is not a ${type}`, {
          remedy: `Name an endpoint of type ${type} there.`,
          evidence: { ...evidence, type: endpoint.EndpointType },
        }),
      ];
    }
    if (endpoint.Status !== null && endpoint.Status.toLowerCase() !== 'active') {
      return [
        refuse('DMS_ENDPOINT_NOT_ACTIVE', `endpoint ${arn} (${setting}) is ${endpoint.Status}`, {
          remedy: 'Wait until the endpoint is active, or repair it.',
          evidence: { ...evidence, status: endpoint.Status },
        }),
      ];
    }
    return [];
  });
}

async function connectionFindings(region: Region, signal: AbortSignal): Promise<Finding[]> {
  const connections = await region.connections.list(signal);
  return wantedEndpoints(region.config).flatMap(({ arn, setting }): Finding[] => {
    const connection = connections.find(({ endpointArn }) => endpointArn === arn);
    const evidence = { endpointArn: arn, setting, status: connection?.status ?? null };
    if (connection?.status === 'successful') return [];
    if (connection?.status === 'failed') {
      return [
        refuse('DMS_CONNECTION_FAILED', `the last connection test of ${setting} failed: ${connection.lastFailure}`, {
          remedy: 'Check host, account and network of the endpoint from the replication instance, then test it again.',
          evidence: { ...evidence, lastFailure: connection.lastFailure },
        }),
      ];
    }
    return [
      {
        code: 'DMS_CONNECTION_UNTESTED',
        severity: 'warn',
        message: `the connection of ${setting} has not been tested successfully`,
        remedy: 'None needed: it is tested before the task is made.',
        evidence,
      },
    ];
  });
}

async function quotaFindings({ calls, config, poller }: Region, signal: AbortSignal): Promise<Finding[]> {
  const [quotas, sweep] = await Promise.all([
    calls.read(
      'DescribeAccountAttributes',
      (api, within) => api.describeAccountAttributes(within),
      quotasSchema,
      signal,
    ),
    poller.fresh(signal),
  ]);
  const named = quotas?.AccountQuotas.find(({ AccountQuotaName: name }) => /^replication-?tasks$/i.test(name));
  const inRegion = [...sweep.tasksByInstance.values()].reduce((sum, tasks) => sum + tasks, 0);
  const onInstance = sweep.tasksByInstance.get(config.replicationInstanceArn) ?? 0;
  return [
    ...quotaFinding(`region ${config.region}`, Math.max(inRegion, named?.Used ?? 0), named?.Max ?? tasksPerRegion),
    ...quotaFinding(`replication instance ${config.replicationInstanceArn}`, onInstance, tasksPerInstance),
  ];
}

/** Exported for its arithmetic. */
export function quotaFinding(where: string, used: number, max: number): Finding[] {
  const left = max - used;
  if (left >= tasksPerOrg && left >= max * reserve) return [];
  const enough = left >= tasksPerOrg;
  return [
    {
      code: enough ? 'DMS_TASK_QUOTA_LOW' : 'DMS_TASK_QUOTA_EXHAUSTED',
      severity: enough ? 'warn' : 'refuse',
      message: `${where} has room for ${Math.max(0, left)} more tasks of ${max}; an org needs ${tasksPerOrg}`,
      remedy: 'Complete orgs that have moved, delete tasks that nobody needs, or have the quota raised.',
      evidence: { where, used, max },
    },
  ];
}

function wantedEndpoints({ forward, reverse }: Region['config']) {
  return [
    { arn: forward.sourceEndpointArn, type: 'source', setting: 'forward.sourceEndpointArn' },
    { arn: forward.targetEndpointArn, type: 'target', setting: 'forward.targetEndpointArn' },
    { arn: reverse.sourceEndpointArn, type: 'source', setting: 'reverse.sourceEndpointArn' },
    { arn: reverse.targetEndpointArn, type: 'target', setting: 'reverse.targetEndpointArn' },
  ];
}

function refuse(code: string, message: string, rest: Pick<Finding, 'remedy' | 'evidence'>): Finding {
  return { code, severity: 'refuse', message, ...rest };
}

function sameFinding(left: Finding, right: Finding): boolean {
  return left.code === right.code && (left.message === right.message || left.code === 'REPLICATION_UNAVAILABLE');
}
