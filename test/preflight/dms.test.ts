import {
  CreateEndpointCommand,
  DatabaseMigrationServiceClient,
  DeleteEndpointCommand,
  TestConnectionCommand,
} from '@aws-sdk/client-database-migration-service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { LAB_CREDENTIALS } from '../../infra/lab/estate/endpoints.ts';
import type { Finding } from '../../src/ports/finding.ts';
import { PreflightWorld } from './world.ts';

// biome-ignore lint/suspicious/noExplicitAny: any part of it may be changed to anything
type LooseConfig = any;

describe('DMS', () => {
  let world: PreflightWorld;
  let client: DatabaseMigrationServiceClient;
  beforeAll(async () => {
    world = await PreflightWorld.start();
    const { url: endpoint, region } = world.lab.dms;
    client = new DatabaseMigrationServiceClient({ endpoint, region, credentials: LAB_CREDENTIALS });
  });
  afterAll(async () => {
    client?.destroy();
    await world?.stop();
  });

  const nothing = async () => {};
  const regionOf = (config: LooseConfig) => config.dms.regions[config.clusters[0].homeRegion];
  /** Another configuration, and nothing else. */
  const configured = (code: string, severity: Finding['severity'], change: (region: LooseConfig) => void) =>
    world.finds({ code, severity }, nothing, nothing, (config) => change(regionOf(config)));
  const endpoint = async (name: string, type: 'source' | 'target', port = 1, user = 'dms') => {
    const { Endpoint } = await client.send(
      new CreateEndpointCommand({
        EndpointIdentifier: name,
        EndpointType: type,
        EngineName: 'mariadb',
        ServerName: '127.0.0.1',
        Port: port,
        Username: user,
        Password: 'x',
      }),
    );
    return Endpoint?.EndpointArn ?? '';
  };

  it('credentials that have expired, and such as nobody knows', async () => {
    const { faults } = world.lab.dms;
    for (const are of ['expired', 'unknown'] as const) {
      const [found] = await world.finds(
        { code: 'DMS_CREDENTIALS_REFUSED', severity: 'refuse' },
        () => faults.credentials(are),
        () => faults.credentials('good'),
      );
      expect(found?.evidence).toMatchObject({
        fault: are === 'expired' ? 'ExpiredTokenException' : 'UnrecognizedClientException',
      });
    }
  });

  it('another region', () =>
    configured('DMS_REGION_WRONG', 'refuse', (region) => {
      const moved = JSON.parse(JSON.stringify(region).replaceAll(region.region, 'us-east-1'));
      Object.assign(region, moved);
    }));

  it('a region that does not answer says so once', async () => {
    const { faults } = world.lab.dms;
    await world.finds(
      { code: 'REPLICATION_UNAVAILABLE', severity: 'refuse' },
      () => faults.unreachable('refuse'),
      () => faults.unreachable('off'),
    );
  });

  it('an instance that does not exist, and one that is full', async () => {
    await configured('DMS_INSTANCE_MISSING', 'refuse', (region) => {
      region.replicationInstanceArn += 'X';
    });
    const { faults } = world.lab.dms;
    await world.finds(
      { code: 'DMS_INSTANCE_NOT_AVAILABLE', severity: 'refuse' },
      () => faults.instances('storage-full'),
      () => faults.instances(null),
    );
  });

  it('endpoints: one that does not exist, and one of the other kind', async () => {
    await configured('DMS_ENDPOINT_MISSING', 'refuse', ({ forward }) => {
      forward.sourceEndpointArn += 'X';
    });
    const wrong = await endpoint('wrong-kind', 'target');
    await configured('DMS_ENDPOINT_WRONG_TYPE', 'refuse', ({ forward }) => {
      forward.sourceEndpointArn = wrong;
    });
    await client.send(new DeleteEndpointCommand({ EndpointArn: wrong }));
  });

  it('a connection whose test failed', async () => {
    const arn = await endpoint('nobody-listens', 'source');
    await client.send(
      new TestConnectionCommand({
        ReplicationInstanceArn: world.lab.dms.instances[0]?.arn,
        EndpointArn: arn,
      }),
    );
    await pollUntil('the test to have failed', async () => {
      const found = await world.fresh((config) => {
        regionOf(config).forward.sourceEndpointArn = arn;
      });
      return found.some(({ code }) => code === 'DMS_CONNECTION_FAILED');
    });
    await configured('DMS_CONNECTION_FAILED', 'refuse', ({ forward }) => {
      forward.sourceEndpointArn = arn;
    });
  });

  it('a user that the fence does not know', () =>
    world.finds({ code: 'DMS_USER_NOT_FENCED', severity: 'refuse' }, nothing, nothing, (config) => {
      config.fence.users.forward = ['somebody'];
    }));

  it('a right that DMS’s user lacks at a target, and one at a source', async () => {
    const [target] = await world.finds(
      { code: 'DMS_PRIVILEGES_MISSING', severity: 'refuse' },
      () => world.atCluster(`REVOKE DELETE ON BigDB.* FROM 'dms'@'%'`),
      () => world.atCluster(`GRANT DELETE ON BigDB.* TO 'dms'@'%'`),
    );
    expect(target?.evidence).toMatchObject({ direction: 'forward', role: 'target' });
    const [source] = await world.finds(
      { code: 'DMS_PRIVILEGES_MISSING', severity: 'refuse' },
      () => world.atSite(0, `REVOKE REPLICATION SLAVE ON *.* FROM 'dms'@'%'`),
      () => world.atSite(0, `GRANT REPLICATION SLAVE ON *.* TO 'dms'@'%'`),
    );
    expect(source?.evidence).toMatchObject({ role: 'source', lacking: ['REPLICATION SLAVE on *.*'] });
  });

  it('accounts that the controller may not see', async () => {
    const hidden = await (async () => {
      await world.atSite(0, `REVOKE SELECT ON mysql.db FROM 'cutover'@'%'`);
      try {
        return await world.fresh();
      } finally {
        await world.atSite(0, `GRANT SELECT ON mysql.db TO 'cutover'@'%'`);
      }
    })();
    // Both of DMS's users there; of the org's own, which is seen at the cluster, nothing more is open than before.
    expect(hidden.map(({ code, severity }) => [code, severity])).toEqual([
      ['DMS_PRIVILEGES_UNPROVEN', 'warn'],
      ['DMS_PRIVILEGES_UNPROVEN', 'warn'],
    ]);
  });

  it('few endpoints left', async () => {
    const made: string[] = [];
    await world.finds(
      { code: 'DMS_ENDPOINT_QUOTA_LOW', severity: 'warn' },
      async () => {
        while (made.length < 88) made.push(await endpoint(`spare-${made.length}`, 'source'));
      },
      async () => {
        for (const arn of made) await client.send(new DeleteEndpointCommand({ EndpointArn: arn }));
        await pollUntil('the endpoints to be gone', async () => (await world.fresh()).length === 0);
      },
    );
  });
});
