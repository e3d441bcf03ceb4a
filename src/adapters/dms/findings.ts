import { CutoverError, isTransient } from '../../errors/base.ts';
import { ReplicationInstanceMissingError } from '../../errors/replication.ts';
import type { Finding } from '../../ports/finding.ts';
import type { EndpointAccount, TaskDirection, TaskQuota } from '../../ports/replication.ts';
import type { Region } from './region.ts';
import { endpointSchema, instancesSchema, pageSchema, quotasSchema } from './replies.ts';

/** Tasks that one org needs at the same time: the forward one, and the reverse one made before the flip. */
const tasksPerOrg = 2;
/** Documented quotas, for what the account's attributes do not name. */
const tasksPerInstance = 200;
const tasksPerRegion = 600;
const endpointsPerInstance = 100;
/** Two each way. */
const endpointsPerRegion = 4;
/** Share of a quota that ought to stay free. */
const reserve = 0.1;

/** What stands in the way of an org's tasks in this region. Only looks; one check's failure does not hide the others. */
export async function regionFindings(region: Region, signal: AbortSignal): Promise<readonly Finding[]> {
  const { found: instance, goOn } = await told(
    instanceFindings(region, signal).then((found) => ({ found, goOn: true })),
    (found, error) => {
      // Where nobody answers, whatever else is asked would fail for the same reason, each time after long patience.
      if (isTransient(error)) throw error;
      return { found, goOn: error.code === 'REPLICATION_REFUSED' };
    },
  );
  const missing = instance.some(({ code }) => code === 'DMS_INSTANCE_MISSING');
  const checks = missing
    ? [endpointFindings]
    : [endpointFindings, connectionFindings, quotaFindings, endpointQuotaFindings];
  const found = await Promise.all((goOn ? checks : []).map((check) => told(check(region, signal), (found) => found)));
  // A region that does not answer says so once.
  return [...instance, ...found.flat()].filter(
    (one, index, all) => all.findIndex((other) => sameFinding(one, other)) === index,
  );
}

/** What a check found, or what its failure is told as. */
async function told<T>(check: Promise<T>, failed: (findings: Finding[], error: CutoverError) => T): Promise<T> {
  try {
    return await check;
  } catch (error) {
    if (!(error instanceof CutoverError)) throw error;
    const { code, message, remedy, details } = error;
    return failed([{ code, severity: 'refuse', message, remedy, evidence: details }], error);
  }
}

/** Asks once. Throws what names the reason: credentials, region, an instance that does not exist. */
export async function instanceStatus({ calls, config, homeRegion }: Region, signal: AbortSignal): Promise<string> {
  const arn = config.replicationInstanceArn;
  const filters = [{ name: 'replication-instance-arn', values: [arn] }];
  const reply = await calls.readOnce(
    'DescribeReplicationInstances',
    (api, within) => api.describeInstances({ filters, marker: null, maxRecords: 100 }, within),
    instancesSchema,
    signal,
  );
  const instance = reply?.ReplicationInstances.find((one) => one.ReplicationInstanceArn === arn);
  if (instance === undefined) throw new ReplicationInstanceMissingError(homeRegion, arn, config.region);
  return instance.ReplicationInstanceStatus;
}

async function instanceFindings(region: Region, signal: AbortSignal): Promise<Finding[]> {
  const arn = region.config.replicationInstanceArn;
  try {
    const status = await instanceStatus(region, signal);
    if (status === 'available') return [];
    return [
      refuse('DMS_INSTANCE_NOT_AVAILABLE', `replication instance ${arn} is ${status}`, {
        remedy: 'Wait until the instance is available, or repair it.',
        evidence: { replicationInstanceArn: arn, status },
      }),
    ];
  } catch (error) {
    if (!(error instanceof ReplicationInstanceMissingError)) throw error;
    return [refuse(error.code, error.message, { remedy: error.remedy, evidence: error.details })];
  }
}

/** As whom those endpoints log in that exist; null for one that keeps it elsewhere. */
export async function endpointAccounts(region: Region, signal: AbortSignal): Promise<readonly EndpointAccount[]> {
  const { calls, config } = region;
  const wanted = wantedEndpoints(config);
  // Asked once: where nobody answers, that is a finding already.
  const page = await calls.readOnce(
    'DescribeEndpoints',
    (api, within) => api.describeEndpoints({ filters: namingEndpoints(wanted), marker: null, maxRecords: 100 }, within),
    pageSchema('Endpoints'),
    signal,
  );
  const endpoints = (page?.items ?? []).map((item) => calls.parse('DescribeEndpoints', endpointSchema, item));
  return wanted.flatMap(({ arn, type, direction }) => {
    const endpoint = endpoints.find((one) => one.EndpointArn === arn);
    return endpoint === undefined ? [] : [{ direction, role: type, user: endpoint.Username }];
  });
}

const namingEndpoints = (wanted: readonly { readonly arn: string }[]) => [
  { name: 'endpoint-arn', values: [...new Set(wanted.map(({ arn }) => arn))] },
];

async function describeEndpoints({ calls, config }: Pick<Region, 'calls' | 'config'>, signal: AbortSignal) {
  const filters = namingEndpoints(wantedEndpoints(config));
  const items = await calls.readAll(
    'DescribeEndpoints',
    'Endpoints',
    (api, { marker }, within) => api.describeEndpoints({ filters, marker, maxRecords: 100 }, within),
    signal,
  );
  return (items ?? []).map((item) => calls.parse('DescribeEndpoints', endpointSchema, item));
}

async function endpointFindings(region: Region, signal: AbortSignal): Promise<Finding[]> {
  const { config } = region;
  const endpoints = await describeEndpoints(region, signal);
  return wantedEndpoints(config).flatMap(({ arn, type, setting }) => {
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

/** Tasks there are and may be: what the account says, and where it does not, what is documented. */
export async function taskQuotas({ calls, config, poller }: Region, signal: AbortSignal): Promise<TaskQuota[]> {
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
    {
      where: `region ${config.region}`,
      used: Math.max(inRegion, named?.Used ?? 0),
      max: named?.Max ?? tasksPerRegion,
    },
    { where: `replication instance ${config.replicationInstanceArn}`, used: onInstance, max: tasksPerInstance },
  ];
}

async function quotaFindings(region: Region, signal: AbortSignal): Promise<Finding[]> {
  return (await taskQuotas(region, signal)).flatMap(({ where, used, max }) => quotaFinding(where, used, max));
}

/** The controller makes no endpoints; whoever adds a home region, or replaces one, does. */
async function endpointQuotaFindings({ calls, config }: Region, signal: AbortSignal): Promise<Finding[]> {
  const quotas = await calls.read(
    'DescribeAccountAttributes',
    (api, within) => api.describeAccountAttributes(within),
    quotasSchema,
    signal,
  );
  const named = quotas?.AccountQuotas.find(({ AccountQuotaName: name }) => /^endpoints(-?per-?instance)?$/i.test(name));
  const { used, max } = { used: named?.Used ?? 0, max: named?.Max ?? endpointsPerInstance };
  if (max - used >= Math.max(endpointsPerRegion, max * reserve)) return [];
  return [
    {
      code: 'DMS_ENDPOINT_QUOTA_LOW',
      severity: 'warn',
      message: `region ${config.region} has room for few more endpoints of ${max}; a home region needs ${endpointsPerRegion}`,
      remedy: 'Delete endpoints that nobody needs, or have the quota raised.',
      evidence: { region: config.region, used, max },
    },
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
  return Object.entries({ forward, reverse }).flatMap(([direction, { sourceEndpointArn, targetEndpointArn }]) => [
    {
      direction: direction as TaskDirection,
      arn: sourceEndpointArn,
      type: 'source' as const,
      setting: `${direction}.sourceEndpointArn`,
    },
    {
      direction: direction as TaskDirection,
      arn: targetEndpointArn,
      type: 'target' as const,
      setting: `${direction}.targetEndpointArn`,
    },
  ]);
}

function refuse(code: string, message: string, rest: Pick<Finding, 'remedy' | 'evidence'>): Finding {
  return { code, severity: 'refuse', message, ...rest };
}

function sameFinding(left: Finding, right: Finding): boolean {
  return left.code === right.code && (left.message === right.message || left.code === 'REPLICATION_UNAVAILABLE');
}
