import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { setUpServer } from '../../infra/lab/bigdb/index.ts';
import { preflightSchema } from '../../src/service/orgs.ts';
import { pictureOf } from './picture.ts';
import { Stage } from './stage.ts';

const homeless = 777_001;
const elsewhere = 777_002;

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ orgs: 3, rows: 100 });
  await stage.at(stage.lab.control.coredb, 'INSERT INTO CoreDB.Organisation (OrgID, Name, HomeRegion) VALUES ?', [
    [
      [homeless, 'Nowhere', null],
      [elsewhere, 'Elsewhere', 'ap-southeast-2'],
    ],
  ]);
});
afterAll(() => stage?.stop());

/** Proves that what is done inside leaves rules, servers, fences, tasks and rows as they were. */
async function changesNothing(work: () => Promise<void>): Promise<void> {
  const before = await pictureOf(stage);
  await work();
  expect(await pictureOf(stage)).toEqual(before);
}

/** A request as somebody types it. */
async function post(path: string, body: string): Promise<{ status: number; type: string | null; problem: unknown }> {
  const response = await fetch(stage.controller.api + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${stage.lab.tokens.operator}`, 'content-type': 'application/json' },
    body,
  });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    problem: await response.json(),
  };
}

describe('a request that cannot be met says why and what to do, and changes nothing', () => {
  it('an org that CoreDB does not know, one without a home region, and one whose region has no cluster', async () => {
    await changesNothing(async () => {
      expect(await stage.refusal(stage.api.create(999_999))).toMatchObject({
        status: 422,
        problem: { code: 'ORG_UNKNOWN', remedy: expect.stringContaining('CoreDB'), details: { orgId: 999_999 } },
      });
      expect(await stage.refusal(stage.api.create(homeless))).toMatchObject({
        status: 422,
        problem: { code: 'ORG_WITHOUT_HOME_REGION', remedy: expect.stringContaining('home region') },
      });
      expect(await stage.refusal(stage.api.create(elsewhere))).toMatchObject({
        status: 422,
        problem: { code: 'ORG_WITHOUT_HOME_REGION', details: { homeRegion: 'ap-southeast-2' } },
      });
    });
  });

  it('an org that is already moving', async () => {
    const { orgId } = stage.org(0);
    const { id } = await stage.api.create(orgId);
    await changesNothing(async () => {
      expect(await stage.refusal(stage.api.create(orgId))).toMatchObject({
        status: 409,
        problem: { code: 'ORG_ALREADY_MOVING', remedy: expect.any(String), details: { orgId, migrationId: id } },
      });
    });
    await stage.api.command(id, 'cancel');
    await stage.untilState(id, 'cancelled');
  });

  it.each([
    ['JSON that breaks off', '{"orgId": 4', 'REQUEST_MALFORMED', 400],
    ['an OrgID that is no number', '{"orgId": "forty-two"}', 'REQUEST_INVALID', 400],
    ['a field that does not exist', '{"orgId": 4, "polcy": {}}', 'REQUEST_INVALID', 400],
    ['a looser policy', '{"orgId": 4, "policy": {"flipBudgetMs": 9000}}', 'POLICY_LOOSENED', 422],
  ])('%s', async (_, body, code, status) => {
    await changesNothing(async () => {
      const answer = await post('/v1/migrations', body);
      expect(answer).toMatchObject({ status, problem: { code, status, remedy: expect.any(String) } });
      expect(answer.type).toContain('application/problem+json');
    });
  });

  it('a command that is not allowed now, and one for a migration that does not exist', async () => {
    const { orgId } = stage.org(1);
    const { id } = await stage.api.create(orgId);
    await changesNothing(async () => {
      expect(await stage.refusal(stage.api.command(id, 'complete'))).toMatchObject({
        status: 409,
        problem: { code: 'COMMAND_NOT_ALLOWED', details: { allowed: ['start', 'rollback', 'cancel'] } },
      });
      expect(await stage.refusal(stage.api.command('m-none', 'start'))).toMatchObject({
        status: 404,
        problem: { code: 'MIGRATION_UNKNOWN' },
      });
    });
    await stage.api.command(id, 'cancel');
    await stage.untilState(id, 'cancelled');
  });
});

describe('a configuration', () => {
  it('with three faults: a controller names all three, with their places, and does not start', async () => {
    await changesNothing(async () => {
      const { text, env } = stage.lab.config('faulty');
      const config = parse(text);
      config.store.port = 'soon';
      config.routing.by = 'guess';
      config.sites[1].password = { env: 'NOT_SET_ANYWHERE' };
      const file = join(stage.lab.baseDir, 'faulty.yaml');
      await writeFile(file, stringify(config));
      const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
      const child = spawn(process.execPath, [main, 'serve', '--config', file], {
        env: { PATH: process.env.PATH, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let told = '';
      child.stderr.on('data', (data) => {
        told += data;
      });
      const [code] = await once(child, 'close');
      expect(code).toBe(2);
      for (const part of ['3 faults', 'store.port', 'routing.by', 'sites[1].password', 'NOT_SET_ANYWHERE']) {
        expect(told).toContain(part);
      }
    });
  });

  it('whose catalogue has a table without the org column: preflight finds it, and the move does not begin', async () => {
    const { orgId } = stage.org(2);
    for (const server of [...stage.sites, stage.cluster]) {
      await setUpServer(server, (connection) =>
        connection.query('CREATE TABLE BigDB.Orphans (OrphanID BIGINT NOT NULL PRIMARY KEY) ENGINE=InnoDB'),
      );
    }
    await changesNothing(async () => {
      await stage.controller.stop();
      await stage.startController((config) => {
        config.catalogue.tables.push({ schema: 'BigDB', table: 'Orphans', orgColumn: 'OrgID' });
      });
      const { id } = await stage.api.create(orgId);
      await stage.api.command(id, 'start');
      const refused = await stage.untilOperator(id);
      expect(refused).toMatchObject({
        reason: { code: 'PREFLIGHT_REFUSED', remedy: expect.stringContaining('finding') },
        serving: 'source',
        allowed: expect.arrayContaining(['retry', 'cancel']),
      });
      for (const place of ['lon1', 'lon2', stage.cluster.name]) {
        expect(refused.findings).toContainEqual(
          expect.objectContaining({
            code: 'ORG_COLUMN_MISSING',
            severity: 'refuse',
            message: expect.stringMatching(`BigDB\\.Orphans at ${place} has no column OrgID`),
            remedy: expect.stringContaining('catalogue'),
          }),
        );
      }
      await stage.api.command(id, 'cancel');
      await stage.untilState(id, 'cancelled');
    });
  });

  it('with tables that cannot be compared: preflight refuses each by its name, with the reason', async () => {
    const { orgId } = stage.org(2);
    const [site] = stage.sites;
    const tables: readonly {
      readonly table: string;
      /** Behind `OrgID INT NOT NULL`, at the sites and at the cluster. */
      readonly definition: readonly [atSites: string, atCluster: string];
      readonly code: string;
      readonly message: string;
    }[] = [
      {
        table: 'Keyless',
        definition: ['V INT', 'V INT'],
        code: 'TABLE_NOT_COMPARABLE',
        message:
          'table Keyless cannot be compared: it has no primary key at the source; it has no primary key at the target',
      },
      {
        table: 'KeylessThere',
        definition: ['K INT, PRIMARY KEY (OrgID, K)', 'K INT NOT NULL'],
        code: 'TABLE_NOT_COMPARABLE',
        message: 'table KeylessThere cannot be compared: it has no primary key at the target',
      },
      {
        table: 'KeyedApart',
        definition: ['K INT, PRIMARY KEY (OrgID, K)', 'K INT, PRIMARY KEY (K, OrgID)'],
        code: 'TABLE_NOT_COMPARABLE',
        message: 'table KeyedApart cannot be compared: its primary keys differ: (OrgID, K) and (K, OrgID)',
      },
      {
        table: 'Places',
        definition: ['K INT, At POINT, PRIMARY KEY (OrgID, K)', 'K INT, At POINT, PRIMARY KEY (OrgID, K)'],
        code: 'TABLE_NOT_COMPARABLE',
        message: 'table Places cannot be compared: column At is point at the source and point at the target',
      },
      {
        table: 'Collated',
        definition: [
          'K VARCHAR(20) COLLATE utf8mb4_bin, PRIMARY KEY (OrgID, K)',
          'K VARCHAR(20) COLLATE utf8mb4_unicode_ci, PRIMARY KEY (OrgID, K)',
        ],
        code: 'KEY_NOT_ORDERABLE',
        message:
          'table Collated cannot be read alike on both sides by its key column K (varchar(20) utf8mb4_bin and varchar(20) utf8mb4_unicode_ci)',
      },
      {
        table: 'Columned',
        definition: ['K INT, Only INT, PRIMARY KEY (OrgID, K)', 'K INT, PRIMARY KEY (OrgID, K)'],
        code: 'SHAPES_DIFFER',
        message: `Columned.Only is missing at ${stage.cluster.name}`,
      },
      {
        table: 'Typed',
        definition: ['K INT, V DATE, PRIMARY KEY (OrgID, K)', 'K INT, V DATETIME, PRIMARY KEY (OrgID, K)'],
        code: 'SHAPES_DIFFER',
        message: `Typed.V is date at ${site?.name} and datetime at ${stage.cluster.name}`,
      },
    ];
    for (const server of [...stage.sites, stage.cluster]) {
      await setUpServer(server, async (connection) => {
        for (const { table, definition } of tables) {
          const columns = definition[server === stage.cluster ? 1 : 0];
          await connection.query(`CREATE TABLE BigDB.${table} (OrgID INT NOT NULL, ${columns}) CHARACTER SET utf8mb4`);
        }
      });
    }
    await changesNothing(async () => {
      await stage.controller.stop();
      await stage.startController((config) => {
        config.catalogue.tables.push(...tables.map(({ table }) => ({ schema: 'BigDB', table, orgColumn: 'OrgID' })));
      });
      const { findings } = preflightSchema.parse(await stage.api.post('/v1/preflight', 'operator', { orgId }));
      for (const { table, code, message } of tables) {
        const ofTable = findings.filter((finding) => finding.code === code && finding.evidence.table === table);
        expect(ofTable, table).toContainEqual(
          expect.objectContaining({ severity: 'refuse', message, remedy: expect.stringMatching(/./) }),
        );
      }
    });
  });
});
