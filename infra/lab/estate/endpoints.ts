import {
  CreateEndpointCommand,
  DatabaseMigrationServiceClient,
  DescribeReplicationInstancesCommand,
} from '@aws-sdk/client-database-migration-service';
import type { Account } from '../bigdb/index.ts';
import type { DatabaseAddress } from '../databases/index.ts';

/** Credentials that the lab's DMS takes: any. */
export const LAB_CREDENTIALS = { accessKeyId: 'lab', secretAccessKey: 'lab' };

/** What the controller is told of one region's DMS. */
export interface RegionEndpoints {
  readonly replicationInstanceArn: string;
  readonly forward: { readonly sourceEndpointArn: string; readonly targetEndpointArn: string };
  readonly reverse: { readonly sourceEndpointArn: string; readonly targetEndpointArn: string };
}

/** Makes the shared endpoints of one cluster: the site and the cluster, each as source and as target. */
export async function createEndpoints(
  dms: { readonly url: string; readonly region: string },
  site: DatabaseAddress,
  cluster: DatabaseAddress,
  account: Account,
): Promise<RegionEndpoints> {
  const client = new DatabaseMigrationServiceClient({
    endpoint: dms.url,
    region: dms.region,
    credentials: LAB_CREDENTIALS,
  });
  try {
    const endpoint = async (name: string, type: 'source' | 'target', engine: string, server: DatabaseAddress) => {
      const { Endpoint } = await client.send(
        new CreateEndpointCommand({
          EndpointIdentifier: `${cluster.name}-${name}`,
          EndpointType: type,
          EngineName: engine,
          ServerName: server.host,
          Port: server.port,
          Username: account.user,
          Password: account.password,
          // Zero dates are data here; without it they become NULL.
          ...(type === 'target'
            ? { ExtraConnectionAttributes: "initstmt=SET FOREIGN_KEY_CHECKS=0, sql_mode='NO_ENGINE_SUBSTITUTION'" }
            : {}),
        }),
      );
      return Endpoint?.EndpointArn ?? '';
    };
    const { ReplicationInstances } = await client.send(new DescribeReplicationInstancesCommand({}));
    return {
      replicationInstanceArn: ReplicationInstances?.[0]?.ReplicationInstanceArn ?? '',
      forward: {
        sourceEndpointArn: await endpoint('site-source', 'source', 'mariadb', site),
        targetEndpointArn: await endpoint('cluster-target', 'target', 'aurora', cluster),
      },
      reverse: {
        sourceEndpointArn: await endpoint('cluster-source', 'source', 'aurora', cluster),
        targetEndpointArn: await endpoint('site-target', 'target', 'mariadb', site),
      },
    };
  } finally {
    client.destroy();
  }
}
