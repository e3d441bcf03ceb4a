import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PreflightWorld } from './world.ts';

describe('ids', () => {
  let world: PreflightWorld;
  beforeAll(async () => {
    world = await PreflightWorld.start();
  });
  afterAll(() => world?.stop());

  const row = (id: number) =>
    `INSERT INTO BigDB.CdrTasks (TaskID, OrgID, CdrRef, Payload) VALUES (${id}, ${world.otherOrgId}, UNHEX('${String(id).padStart(32, '0')}'), 'x')`;
  const unique = 'UNIQUE KEY OneCall (SipCallId, StartedAt, CallerNumber)';

  it('nothing refuses where nothing is broken', () => {
    expect(world.baseline.filter(({ severity }) => severity === 'refuse')).toEqual([]);
  });

  it('an offset that two places share', () =>
    world.finds(
      { code: 'ID_OFFSETS_OVERLAP', severity: 'refuse' },
      () => world.atCluster('SET GLOBAL auto_increment_offset = 1'),
      () => world.atCluster('SET GLOBAL auto_increment_offset = 3'),
    ));

  it('an offset above the increment, which the server ignores', () =>
    world.finds(
      { code: 'ID_OFFSETS_OVERLAP', severity: 'refuse' },
      () => world.atCluster('SET GLOBAL auto_increment_offset = 9'),
      () => world.atCluster('SET GLOBAL auto_increment_offset = 3'),
    ));

  it('another increment', () =>
    world.finds(
      { code: 'ID_INCREMENTS_DIFFER', severity: 'refuse' },
      () => world.atCluster('SET GLOBAL auto_increment_increment = 16'),
      () => world.atCluster('SET GLOBAL auto_increment_increment = 8'),
    ));

  it('a counter at the cluster that the sites have passed: with ids of its own kind there it refuses', async () => {
    const ownKind = 8_000_003;
    const found = await world.finds(
      { code: 'ID_COUNTER_TOO_LOW', severity: 'refuse', count: 2 },
      () => world.atSites(row(ownKind)),
      () => world.atSites(`DELETE FROM BigDB.CdrTasks WHERE TaskID = ${ownKind}`),
    );
    expect(found[0]?.evidence).toMatchObject({ table: 'BigDB.CdrTasks', taken: String(ownKind) });
    await world.finds(
      { code: 'ID_COUNTER_TOO_LOW', severity: 'warn', count: 2 },
      () => world.atSites(row(ownKind - 2)),
      () => world.atSites(`DELETE FROM BigDB.CdrTasks WHERE TaskID = ${ownKind - 2}`),
    );
  });

  it('a unique key without the org, until somebody vouches for it', async () => {
    const make = () => world.everywhere(`ALTER TABLE BigDB.CallLogs ADD ${unique}`);
    const drop = () => world.everywhere('ALTER TABLE BigDB.CallLogs DROP KEY OneCall');
    const [found] = await world.finds({ code: 'UNIQUE_KEY_WITHOUT_ORG', severity: 'refuse' }, make, drop);
    expect(found?.evidence).toMatchObject({ object: 'BigDB.CallLogs.OneCall' });
    const [confirmed] = await world.finds(
      { code: 'UNIQUE_KEY_WITHOUT_ORG', severity: 'warn' },
      make,
      drop,
      (config) => {
        config.catalogue.confirmed = [
          { code: 'UNIQUE_KEY_WITHOUT_ORG', of: 'BigDB.CallLogs.OneCall', because: 'a call has one caller' },
        ];
      },
    );
    expect(confirmed?.evidence).toMatchObject({ confirmedBecause: 'a call has one caller' });
  });

  it('another region’s cluster that does not say warns', async () => {
    const found = await world.fresh((config) => {
      const [cluster] = config.clusters;
      config.clusters.push({ ...cluster, name: 'elsewhere', homeRegion: 'ap-east-1', port: 1 });
      const ofRegion = JSON.stringify(config.dms.regions[cluster.homeRegion]);
      config.dms.regions['ap-east-1'] = JSON.parse(ofRegion.replaceAll(cluster.homeRegion, 'ap-east-1'));
      config.routing.clusters['ap-east-1'] = { writerHostgroup: 29 };
    });
    expect(found.map(({ code, severity }) => ({ code, severity }))).toEqual([
      { code: 'ID_OFFSET_UNKNOWN', severity: 'warn' },
    ]);
  });
});
