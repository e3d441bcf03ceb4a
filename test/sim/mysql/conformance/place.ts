import type { DatabaseServer } from '../../../../infra/lab/databases/index.ts';
import { createCluster, createSite, type DatabasePlace } from '../../../../src/adapters/mysql/index.ts';
import { type FencePlan, installFence } from '../../../../src/fence/index.ts';
import { grantControl, makeAccounts, makeSchema, ORGS, TABLES, USERS, type World } from '../../../places/world.ts';
import { suiteConnection } from './connection.ts';
import { RealTime } from './realTime.ts';

const ROOT = 'lab';

/** The world of the suites for places, with a simulated server in it. */
export async function simulatedWorld(kind: 'site' | 'cluster'): Promise<World> {
  const time = new RealTime(kind === 'site' ? 'mariadb' : 'mysql', kind === 'site' ? 'lon1' : 'euwest2');
  const server = {
    host: '127.0.0.1',
    port: time.port,
    user: ROOT,
    password: '',
    name: time.server.name,
    async kill(signal: NodeJS.Signals) {
      if (signal === 'SIGSTOP') time.server.freeze();
      else if (signal === 'SIGCONT') time.server.thaw();
      else throw new Error(`${signal} is not simulated`);
    },
  } as unknown as DatabaseServer;
  const connect = (user: string) =>
    suiteConnection(time.directory, time.client, { host: server.host, port: time.port, user });
  const admin = await connect(ROOT);
  await makeSchema(admin);
  await makeAccounts(admin);
  const common = { tables: TABLES, users: USERS, orgIds: ORGS };
  const plan: FencePlan =
    kind === 'site'
      ? { ...common, sites: [{ name: 'lon1', serverId: 1, connection: admin }], clusters: [] }
      : { ...common, sites: [], clusters: [{ name: 'eu-west-2', homeRegion: 'eu-west-2', connection: admin }] };
  await installFence(plan);
  await grantControl(admin);

  const places: DatabasePlace[] = [];
  const tracked = (place: DatabasePlace) => {
    places.push(place);
    return place;
  };
  const { host, port, user, password } = server;
  const target = { host, port, user, password, purge: { user: 'purge', password: '' } };
  const site = (options: { serverId: number; port?: number; tuning?: object }) =>
    tracked(createSite({ ...target, name: 'lon1', ...options }, time.machine));
  const cluster = (options: { homeRegion: string; tuning?: object }) =>
    tracked(createCluster({ ...target, name: 'eu-west-2', ...options }, time.machine));
  const another: World['another'] = (tuning = {}) =>
    kind === 'site' ? site({ serverId: 1, tuning }) : cluster({ homeRegion: 'eu-west-2', tuning });
  return {
    server,
    plan,
    place: another(),
    another,
    misconfigured: () => (kind === 'site' ? site({ serverId: 2 }) : cluster({ homeRegion: 'us-east-1' })),
    unreachable: () => site({ serverId: 1, port: 1 }),
    connect,
    freeze: async () => time.server.freeze(),
    async close() {
      await Promise.all(places.map((place) => place.close()));
      await time.close();
    },
  };
}
