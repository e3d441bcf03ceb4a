import { z } from 'zod';
import { alreadyExists, quotaExceeded, wrongState } from '../errors.ts';
import { checkIdentifier, checkResourceIdentifier } from '../identifiers.ts';
import type { Region, ReplicationInstance } from '../region.ts';
import {
  applyFilters,
  filtersSchema,
  found,
  type Operation,
  operation,
  page,
  pageSchema,
  seconds,
  tagsSchema,
} from './shared.ts';
import { setTags } from './tags.ts';

const ENGINE_VERSION = '3.5.4';
const MAX_INSTANCE_NAME = 63;

function show(instance: ReplicationInstance, region: Region): Record<string, unknown> {
  return {
    ReplicationInstanceIdentifier: instance.identifier,
    ReplicationInstanceClass: instance.instanceClass,
    ReplicationInstanceStatus: region.faults.instanceStatus ?? instance.status,
    AllocatedStorage: instance.allocatedStorage,
    InstanceCreateTime: seconds(instance.createdMs),
    AvailabilityZone: `${region.config.region}a`,
    MultiAZ: false,
    EngineVersion: ENGINE_VERSION,
    AutoMinorVersionUpgrade: false,
    ReplicationInstanceArn: instance.arn,
    PubliclyAccessible: false,
  };
}

const createInstance = operation(
  z.object({
    ReplicationInstanceIdentifier: z.string(),
    ReplicationInstanceClass: z.string(),
    AllocatedStorage: z.number().int().min(5).default(50),
    Tags: tagsSchema.optional(),
    ResourceIdentifier: z.string().optional(),
  }),
  (input, region) => {
    checkIdentifier('ReplicationInstanceIdentifier', input.ReplicationInstanceIdentifier, MAX_INSTANCE_NAME);
    checkResourceIdentifier(input.ResourceIdentifier);
    const identifier = input.ReplicationInstanceIdentifier.toLowerCase();
    const arn = region.arn('rep', input.ResourceIdentifier);
    if ([...region.instances.values()].some((each) => each.identifier === identifier) || region.instances.has(arn)) {
      throw alreadyExists(`Replication Instance ${identifier} already exists`);
    }
    if (region.instances.size >= region.config.quotas.replicationInstances) {
      throw quotaExceeded('The quota for this resource quota has been exceeded: replication instances');
    }
    const instance: ReplicationInstance = {
      identifier,
      arn,
      instanceClass: input.ReplicationInstanceClass,
      allocatedStorage: input.AllocatedStorage,
      createdMs: Date.now(),
      status: 'creating',
    };
    region.instances.set(arn, instance);
    setTags(region, arn, input.Tags ?? []);
    region.later(region.config.latencies.createMs, () => {
      instance.status = 'available';
    });
    return { ReplicationInstance: show(instance, region) };
  },
);

const describeInstances = operation(z.object({ Filters: filtersSchema, ...pageSchema(20, 100) }), (input, region) => {
  const all = applyFilters([...region.instances.values()], input.Filters, {
    'replication-instance-arn': (instance) => instance.arn,
    'replication-instance-id': (instance) => instance.identifier,
    'replication-instance-class': (instance) => instance.instanceClass,
    'engine-version': () => ENGINE_VERSION,
  });
  const { items, ...marker } = page(
    found(all, input.Filters, 'No Replication Instances found matching provided filters'),
    (instance) => instance.arn,
    input,
  );
  return { ...marker, ReplicationInstances: items.map((instance) => show(instance, region)) };
});

const deleteInstance = operation(z.object({ ReplicationInstanceArn: z.string() }), (input, region) => {
  const instance = region.instance(input.ReplicationInstanceArn);
  if ([...region.tasks.values()].some(({ definition }) => definition.instanceArn === instance.arn)) {
    throw wrongState(`Replication Instance ${instance.arn} still has replication tasks`);
  }
  instance.status = 'deleting';
  region.later(region.config.latencies.deleteMs, () => region.instances.delete(instance.arn));
  return { ReplicationInstance: show(instance, region) };
});

const describeAccount = operation(z.object({}), (_input, region) => {
  const { quotas, accountId, region: name } = region.config;
  return {
    AccountQuotas: [
      { AccountQuotaName: 'ReplicationInstances', Used: region.instances.size, Max: quotas.replicationInstances },
      { AccountQuotaName: 'AllocatedStorage', Used: 0, Max: 30_000 },
      {
        AccountQuotaName: 'EndpointsPerInstance',
        Used: region.endpoints.size,
        Max: quotas.endpointsPerInstance,
      },
      { AccountQuotaName: 'ReplicationTasks', Used: region.tasks.size, Max: quotas.tasks },
    ],
    UniqueAccountIdentifier: `dms-${name}-${accountId}`,
  };
});

export const instanceOperations: Readonly<Record<string, Operation>> = {
  CreateReplicationInstance: createInstance,
  DescribeReplicationInstances: describeInstances,
  DeleteReplicationInstance: deleteInstance,
  DescribeAccountAttributes: describeAccount,
};
