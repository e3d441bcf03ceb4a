import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTableSql } from '../../infra/lab/bigdb/index.ts';
import { PreflightWorld } from './world.ts';

describe('definitions of tables', () => {
  let world: PreflightWorld;
  beforeAll(async () => {
    world = await PreflightWorld.start();
  });
  afterAll(() => world?.stop());

  const notes = (how: string) => `ALTER TABLE BigDB.CallLogs MODIFY Notes VARCHAR(255) ${how} NULL`;
  const usual = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci';

  it('a trigger of the application', async () => {
    const [found] = await world.finds(
      { code: 'TABLE_HAS_TRIGGER', severity: 'refuse' },
      () => world.atSites('CREATE TRIGGER BigDB.audit AFTER INSERT ON BigDB.CallLogs FOR EACH ROW SET @seen = 1'),
      () => world.atSites('DROP TRIGGER BigDB.audit'),
    );
    expect(found?.evidence).toMatchObject({ object: 'BigDB.CallLogs.audit', places: ['lon1', 'lon2'] });
  });

  it('an event that works on an org-owned table; one that does not, and one that is disabled, are none', async () => {
    const event = (name: string, how: string, work: string) =>
      `CREATE EVENT BigDB.${name} ON SCHEDULE EVERY 1 DAY ${how} DO ${work}`;
    const retention = 'DELETE FROM BigDB.CallLogs WHERE StartedAt < NOW() - INTERVAL 1 YEAR';
    const [found] = await world.finds(
      { code: 'EVENT_ON_TABLE', severity: 'refuse' },
      () =>
        world.atSites(
          event('retention', 'ENABLE', retention),
          event('sleeping', 'DISABLE', retention),
          event('tidy', 'ENABLE', 'UPDATE BigDB.Toolbox SET Value = NULL'),
        ),
      () => world.atSites(...['retention', 'sleeping', 'tidy'].map((name) => `DROP EVENT BigDB.${name}`)),
    );
    expect(found?.evidence).toMatchObject({ object: 'BigDB.retention', tables: ['CallLogs'] });
  });

  it('another collation warns', () =>
    world.finds(
      { code: 'COLLATION_DIFFERS', severity: 'warn' },
      () => world.atCluster(notes('CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci')),
      () => world.atCluster(notes(usual)),
    ));

  it('another character set refuses', () =>
    world.finds(
      { code: 'CHARACTER_SET_DIFFERS', severity: 'refuse' },
      () => world.atCluster(notes('CHARACTER SET latin1')),
      () => world.atCluster(notes(usual)),
    ));

  it('an index that one side lacks warns, a unique key refuses', async () => {
    const drop = () => world.atCluster('ALTER TABLE BigDB.CallLogs DROP KEY Extra');
    await world.finds(
      { code: 'KEYS_DIFFER', severity: 'warn' },
      () => world.atCluster('ALTER TABLE BigDB.CallLogs ADD KEY Extra (Codec)'),
      drop,
    );
    await world.finds(
      { code: 'KEYS_DIFFER', severity: 'refuse' },
      () => world.atCluster('ALTER TABLE BigDB.CallLogs ADD UNIQUE KEY Extra (OrgID, SipCallId, CallLogID)'),
      drop,
    );
  });

  it('a column that is generated at one side', () =>
    world.finds(
      { code: 'GENERATED_DIFFERS', severity: 'refuse' },
      async () => {
        await world.atSites('ALTER TABLE BigDB.CallLogs ADD COLUMN Twice INT UNSIGNED NULL');
        await world.atCluster(
          'ALTER TABLE BigDB.CallLogs ADD COLUMN Twice INT UNSIGNED GENERATED ALWAYS AS (DurationMs * 2) STORED NULL',
        );
      },
      () => world.everywhere('ALTER TABLE BigDB.CallLogs DROP COLUMN Twice'),
    ));

  it('a column that counts up at one side', () =>
    world.finds(
      { code: 'AUTO_INCREMENT_DIFFERS', severity: 'refuse' },
      () => world.atCluster('ALTER TABLE BigDB.RecordingMetadata MODIFY RecordingID BIGINT UNSIGNED NOT NULL'),
      () =>
        world.atCluster(
          'ALTER TABLE BigDB.RecordingMetadata MODIFY RecordingID BIGINT UNSIGNED NOT NULL AUTO_INCREMENT',
          'ALTER TABLE BigDB.RecordingMetadata AUTO_INCREMENT = 200000',
        ),
    ));

  it('a foreign key that one side lacks', () =>
    world.finds(
      { code: 'FOREIGN_KEYS_DIFFER', severity: 'warn' },
      () =>
        world.atCluster(
          'ALTER TABLE BigDB.RecordingMetadata ADD CONSTRAINT ToCall FOREIGN KEY (RecordingID) REFERENCES BigDB.CallLogs (CallLogID)',
        ),
      () => world.atCluster('ALTER TABLE BigDB.RecordingMetadata DROP FOREIGN KEY ToCall'),
    ));

  it('a table beside the catalogue: with rows of orgs it refuses, else it warns', async () => {
    const drop = () => world.atSites('DROP TABLE BigDB.Jobs');
    await world.finds(
      { code: 'TABLE_NOT_IN_CATALOGUE', severity: 'warn' },
      () => world.atSites('CREATE TABLE BigDB.Jobs (ID INT PRIMARY KEY)'),
      drop,
    );
    await world.finds(
      { code: 'TABLE_NOT_IN_CATALOGUE', severity: 'refuse' },
      () => world.atSites('CREATE TABLE BigDB.Jobs (ID INT PRIMARY KEY, OrgID INT NOT NULL)'),
      drop,
    );
  });

  it('a tech table with an org column, one that is gone, and one that the cluster has too', async () => {
    await world.finds(
      { code: 'TECH_TABLE_OWNED', severity: 'warn' },
      () => world.atSites('ALTER TABLE BigDB.Toolbox ADD COLUMN OrgID INT NULL'),
      () => world.atSites('ALTER TABLE BigDB.Toolbox DROP COLUMN OrgID'),
    );
    const toolbox = await createTableSql('Toolbox', 1);
    await world.finds(
      { code: 'TECH_TABLE_MISSING', severity: 'warn' },
      () => world.atSites('DROP TABLE BigDB.Toolbox'),
      () => world.atSites(toolbox),
    );
    await world.finds(
      { code: 'TECH_TABLE_AT_CLUSTER', severity: 'warn' },
      () => world.atCluster(toolbox),
      () => world.atCluster('DROP TABLE BigDB.Toolbox'),
    );
  });
});
