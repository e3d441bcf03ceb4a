import {
  CreateEndpointCommand,
  DeleteEndpointCommand,
  DescribeEndpointsCommand,
} from '@aws-sdk/client-database-migration-service';
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import { fault, faultName } from './faults.ts';
import { Fixture } from './fixture.ts';
import { freshSchema } from './rows.ts';
import { ofOrg, rule, type TableRule } from './rules.ts';

let lab: Fixture;
let site: Connection;
const calls: TableRule = { schema: 'wire', table: 'Calls', filters: ofOrg(1) };

beforeAll(async () => {
  // Slower than the lab's default, so that what passes by is seen.
  lab = await Fixture.start({
    latencies: {
      createMs: 60,
      startMs: 60,
      stopMs: 60,
      modifyMs: 60,
      deleteMs: 80,
      testConnectionMs: 60,
      describeStalenessMs: 40,
    },
    quotas: { tasks: 40, tasksPerInstance: 35 },
  });
  site = await lab.connect(lab.maria);
  const cluster = await lab.connect(lab.cluster);
  await freshSchema([site, cluster], 'wire');
  for (const connection of [site, cluster]) {
    await connection.query('CREATE TABLE Calls (OrgID INT, id INT PRIMARY KEY)');
    for (let n = 0; n < 25; n += 1) await connection.query(`CREATE TABLE T${n} (OrgID INT, id INT PRIMARY KEY)`);
  }
}, 120_000);

afterAll(async () => {
  await lab.stop();
});

afterEach(async () => {
  await lab.dms.faults.clear();
});

describe('names, mappings and settings', () => {
  const creating = async (given: object): Promise<{ name: string; message: string }> =>
    fault(lab.create({ tables: [calls], ...given }));

  test('task identifiers: letters, digits, hyphens, a letter first, no double or trailing hyphen; kept in lower case', async () => {
    for (const ReplicationTaskIdentifier of ['1abc', 'a--b', 'a-', 'a_b', '', 'a'.repeat(256)]) {
      expect((await creating({ ReplicationTaskIdentifier })).name).toBe('InvalidParameterValueException');
    }
    expect((await creating({ ResourceIdentifier: 'a'.repeat(32) })).name).toBe('InvalidParameterValueException');
    const task = await lab.create({
      tables: [calls],
      ReplicationTaskIdentifier: 'Org-42',
      ResourceIdentifier: 'Org42',
    });
    expect(task.identifier).toBe('org-42');
    expect(task.arn).toBe(`arn:aws:dms:${lab.dms.region}:123456789012:task:Org42`);
    expect((await creating({ ReplicationTaskIdentifier: 'ORG-42' })).name).toBe('ResourceAlreadyExistsFault');
    await task.remove();
  });

  test('mappings: JSON, unique ids and names, known actions, exact names where filters are, values as strings', async () => {
    const good = rule(calls, 0) as Record<string, unknown>;
    const wrong: [string, unknown[]][] = [
      ['not JSON', []],
      ['two rules of one id', [good, { ...good, 'rule-name': 'other' }]],
      ['two rules of one name', [good, { ...good, 'rule-id': '9' }]],
      ['an unknown action', [{ ...good, 'rule-action': 'copy' }]],
      ['an unknown rule type', [{ ...good, 'rule-type': 'magic' }]],
      ['no locator', [{ ...good, 'object-locator': {} }]],
      ['a wildcard with a filter', [{ ...good, 'object-locator': { 'schema-name': 'wire', 'table-name': '%' } }]],
      [
        'an unknown operator',
        [
          {
            ...good,
            filters: [
              {
                'filter-type': 'source',
                'column-name': 'OrgID',
                'filter-conditions': [{ 'filter-operator': 'like', value: '1' }],
              },
            ],
          },
        ],
      ],
      [
        'a number as a value',
        [
          {
            ...good,
            filters: [
              {
                'filter-type': 'source',
                'column-name': 'OrgID',
                'filter-conditions': [{ 'filter-operator': 'eq', value: 1 }],
              },
            ],
          },
        ],
      ],
      [
        'a range without an end',
        [
          {
            ...good,
            filters: [
              {
                'filter-type': 'source',
                'column-name': 'OrgID',
                'filter-conditions': [{ 'filter-operator': 'between', 'start-value': '1' }],
              },
            ],
          },
        ],
      ],
      [
        'no conditions',
        [{ ...good, filters: [{ 'filter-type': 'source', 'column-name': 'OrgID', 'filter-conditions': [] }] }],
      ],
      ['nothing included', [{ ...good, filters: [], 'rule-action': 'exclude' }]],
    ];
    for (const [what, rules] of wrong) {
      const TableMappings = what === 'not JSON' ? '{"rules": [' : JSON.stringify({ rules });
      expect([what, (await creating({ TableMappings })).name]).toEqual([what, 'InvalidParameterValueException']);
    }
  });

  test('the fully defaulted settings are echoed, with the hazardous defaults', async () => {
    const task = await lab.create({ tables: [calls], settings: null });
    const settings = JSON.parse((await task.describe())?.ReplicationTaskSettings ?? '{}');
    expect(settings.FullLoadSettings).toMatchObject({
      TargetTablePrepMode: 'DROP_AND_CREATE',
      MaxFullLoadSubTasks: 8,
      CommitRate: 10_000,
    });
    expect(settings.TargetMetadata).toMatchObject({
      SupportLobs: true,
      FullLobMode: false,
      LimitedSizeLobMode: true,
      LobMaxSize: 32,
      BatchApplyEnabled: false,
      TaskRecoveryTableEnabled: false,
    });
    expect(settings.ChangeProcessingDdlHandlingPolicy).toEqual({
      HandleSourceTableDropped: true,
      HandleSourceTableTruncated: true,
      HandleSourceTableAltered: true,
    });
    expect(settings.ErrorBehavior).toMatchObject({
      DataErrorPolicy: 'LOG_ERROR',
      DataTruncationErrorPolicy: 'LOG_ERROR',
      ApplyErrorInsertPolicy: 'LOG_ERROR',
      ApplyErrorUpdatePolicy: 'LOG_ERROR',
      ApplyErrorDeletePolicy: 'IGNORE_RECORD',
      FullLoadIgnoreConflicts: true,
      FailOnNoTablesCaptured: false,
      RecoverableErrorCount: -1,
    });
    await task.remove();
    const careful = await lab.create({
      tables: [calls],
      settings: { FullLoadSettings: { TargetTablePrepMode: 'DO_NOTHING' } },
    });
    const echoed = JSON.parse((await careful.describe())?.ReplicationTaskSettings ?? '{}');
    expect(echoed.FullLoadSettings).toMatchObject({ TargetTablePrepMode: 'DO_NOTHING', MaxFullLoadSubTasks: 8 });
    expect(echoed.ErrorBehavior.TableErrorPolicy).toBe('SUSPEND_TABLE');
    await careful.remove();
    for (const settings of [
      { FullLoadSettings: { TargetTablePrepMode: 'PLEASE_NOT' } },
      { Nonsense: {} },
      { TargetMetadata: { FullLobMode: true, LimitedSizeLobMode: true } },
    ]) {
      expect((await creating({ settings })).name).toBe('InvalidParameterValueException');
    }
  });

  test('endpoints: engines, sides and use are checked; a password is never shown', async () => {
    const arn = await lab.endpoint(lab.maria, 'source');
    const { Endpoints } = await lab.client.send(
      new DescribeEndpointsCommand({ Filters: [{ Name: 'endpoint-arn', Values: [arn] }] }),
    );
    expect(Endpoints?.[0]).toMatchObject({
      EndpointType: 'SOURCE',
      EngineName: 'mariadb',
      Status: 'active',
      Port: lab.maria.port,
    });
    expect(JSON.stringify(Endpoints)).not.toContain(lab.maria.password);
    const target = await lab.endpoint(lab.cluster, 'target');
    expect((await creating({ SourceEndpointArn: target })).name).toBe('InvalidParameterValueException');
    expect((await creating({ SourceEndpointArn: `${arn}X` })).name).toBe('ResourceNotFoundFault');
    const engine = {
      EndpointIdentifier: 'x',
      EndpointType: 'source',
      EngineName: 'dbase',
      ServerName: 'h',
      Port: 1,
      Username: 'u',
      Password: 'p',
    } as const;
    expect(await faultName(lab.client.send(new CreateEndpointCommand(engine)))).toBe('InvalidParameterValueException');
    const task = await lab.create({ tables: [calls] });
    expect(await faultName(lab.client.send(new DeleteEndpointCommand({ EndpointArn: arn })))).toBe(
      'InvalidResourceStateFault',
    );
    await task.remove();
    const spare = await lab.untestedEndpoint(lab.maria, 'source');
    await lab.client.send(new DeleteEndpointCommand({ EndpointArn: spare }));
    const filter = { Filters: [{ Name: 'endpoint-arn', Values: [spare] }] };
    await pollUntil('the endpoint to be gone', async () => {
      return (
        (await faultName(lab.client.send(new DescribeEndpointsCommand(filter))).catch(() => '')) ===
        'ResourceNotFoundFault'
      );
    });
  });
});
