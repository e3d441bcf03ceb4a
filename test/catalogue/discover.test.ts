import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { ORG_TABLES } from '../../infra/lab/bigdb/index.ts';
import { onServer } from '../../infra/lab/databases/index.ts';
import { type Lab, startLab } from '../../infra/lab/estate/lab.ts';
import type { Discovery } from '../../src/catalogue/discover.ts';
import { run } from '../../src/cli/run.ts';
import { parseConfig } from '../../src/config/index.ts';

describe('catalog discover', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ orgs: 1, rows: 10, proxies: 1 });
  });
  afterAll(() => lab?.stop());

  // biome-ignore lint/suspicious/noExplicitAny: any part of a configuration may be changed to anything
  async function cli(change: (config: any) => void = () => {}, ...more: string[]) {
    const { text, env } = lab.config('discovery');
    const config = parse(text);
    change(config);
    const file = join(lab.baseDir, 'discovery.yaml');
    await writeFile(file, stringify(config));
    let out = '';
    let err = '';
    const output = {
      out: (written: string) => {
        out += written;
      },
      err: (written: string) => {
        err += written;
      },
      screen: false,
    };
    const argv = ['catalog', 'discover', '--config', file, ...more];
    const code = await run(argv, env, output, new AbortController().signal);
    return { code, out, err, file, env };
  }
  async function discovered(change?: Parameters<typeof cli>[0]): Promise<Discovery & { code: number }> {
    const { code, out, err } = await cli(change, '--json');
    expect(err).toBe('');
    return { ...JSON.parse(out), code };
  }
  /** Replicated, so that both sites have it. */
  async function atSites(...statements: string[]) {
    const [site] = lab.sites.sites;
    await onServer(site?.server as never, (connection) => connection.query(statements.join(';\n')));
    await lab.sites.waitUntilInStep();
  }

  it('finds the catalogue of the lab, and that nothing differs', async () => {
    const found = await discovered();
    expect(found.code).toBe(0);
    expect(found.drift).toEqual([]);
    const owned = found.proposals.filter(({ kind }) => kind === 'orgOwned');
    expect(owned.map(({ table }) => table)).toEqual(ORG_TABLES.map(({ name }) => name).sort());
    expect(owned.every(({ orgColumn }) => orgColumn === 'OrgID')).toBe(true);
    expect(found.proposals.filter(({ kind }) => kind !== 'orgOwned')).toMatchObject([
      { table: 'Toolbox', kind: 'tech', orgColumn: null },
    ]);
    expect(found.proposed.version).toBe(found.confirmedVersion);
  });

  it('says of each table that a filter cannot move why, and what in the catalogue is not so', async () => {
    await atSites(
      'CREATE TABLE BigDB.NoKey (OrgID INT NOT NULL, Body TEXT)',
      'CREATE TABLE BigDB.OldEngine (ID INT PRIMARY KEY, OrgID INT NOT NULL) ENGINE = MyISAM',
      `CREATE TABLE BigDB.Parted (OrgID INT NOT NULL, Day INT NOT NULL, PRIMARY KEY (OrgID, Day))
         PARTITION BY RANGE (Day) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)`,
      'CREATE TABLE BigDB.CallNotes (NoteID INT PRIMARY KEY, CallLogID BIGINT UNSIGNED NOT NULL, Body TEXT)',
      'CREATE TABLE BigDB.Transfers (ID INT PRIMARY KEY, FromOrgID INT NOT NULL, ToOrgID INT NOT NULL)',
      'CREATE TABLE BigDB.Named (org_id VARCHAR(20) PRIMARY KEY)',
      'CREATE TABLE BigDB.Fresh (ID INT AUTO_INCREMENT PRIMARY KEY, org_id INT NOT NULL, Ref CHAR(36) NOT NULL UNIQUE)',
      'CREATE TABLE BigDB.Jobs (ID INT PRIMARY KEY, Name VARCHAR(20))',
    );
    const found = await discovered((config) => config.catalogue.techTables.push({ schema: 'BigDB', table: 'Gone' }));
    const why = Object.fromEntries(
      found.proposals
        .filter(({ kind }) => kind === 'unmovable')
        .map(({ table, obstacles }) => [table, [...new Set(obstacles.map(({ reason }) => reason))]]),
    );
    expect(why).toEqual({
      NoKey: ['noPrimaryKey'],
      OldEngine: ['notInnoDb'],
      Parted: ['partitioned'],
      CallNotes: ['ownedThroughAnother'],
      Transfers: ['severalOrgColumns'],
      Named: ['orgColumnNoInteger'],
    });
    expect(found.proposals.find(({ table }) => table === 'Fresh')).toMatchObject({
      kind: 'orgOwned',
      orgColumn: 'org_id',
      uniqueKeysToConfirm: ['Ref'],
    });
    expect(found.code).toBe(1);
    const drift = new Map(found.drift.map(({ table, kind, blocks }) => [table, { kind, blocks }]));
    expect(drift.get('BigDB.Fresh')).toEqual({ kind: 'notInCatalogue', blocks: true });
    expect(drift.get('BigDB.CallNotes')).toEqual({ kind: 'notInCatalogue', blocks: true });
    expect(drift.get('BigDB.Jobs')).toEqual({ kind: 'notInCatalogue', blocks: false });
    expect(drift.get('BigDB.Gone')).toEqual({ kind: 'gone', blocks: false });
    expect(drift.size).toBe(9);
  });

  it('gives a piece of YAML that, confirmed, differs from nothing but in what cannot move', async () => {
    const { out, code } = await cli((config) => {
      delete config.catalogue;
    });
    expect(code).toBe(0);
    expect(out).toContain('CANNOT MOVE');
    expect(out).toContain('nothing is confirmed yet');
    const piece = parse(out.slice(out.indexOf('catalogue:')));
    expect(piece.catalogue.version).toBe(1);
    const again = await discovered((config) => Object.assign(config, piece));
    expect([...new Set(again.drift.map(({ kind }) => kind))]).toEqual(['notInCatalogue']);
    expect(again.drift.every(({ blocks }) => blocks)).toBe(true);
    expect(again.proposed.version).toBe(1);
    const { file, env } = await cli((config) => Object.assign(config, piece));
    const config = parseConfig(await readFile(file, 'utf8'), { file, folder: lab.baseDir, env });
    expect(config.catalogue.techTables).toContainEqual({ schema: 'BigDB', table: 'Jobs' });
  });

  it('a tech table in the place of an org-owned one is found, and the next version proposes it where it belongs', async () => {
    const found = await discovered((config) => {
      config.catalogue.version = 7;
      config.catalogue.tables.push({ schema: 'BigDB', table: 'Toolbox', orgColumn: 'OrgID' });
      config.catalogue.techTables = [{ schema: 'BigDB', table: 'CallLogs' }];
      config.catalogue.tables = config.catalogue.tables.filter(({ table }: { table: string }) => table !== 'CallLogs');
    });
    const drift = new Map(found.drift.map(({ table, kind }) => [table, kind]));
    expect(drift.get('BigDB.Toolbox')).toBe('notOrgOwned');
    expect(drift.get('BigDB.CallLogs')).toBe('techHasOrgColumn');
    expect(found.proposed.version).toBe(8);
    expect(found.proposed.techTables).toContainEqual({ schema: 'BigDB', table: 'Toolbox' });
  });

  it('a schema that is named limits what is looked at', async () => {
    const { out } = await cli(undefined, '--json', 'Nothing');
    expect((JSON.parse(out) as Discovery).proposals).toEqual([]);
  });

  it('a database that does not answer ends it with its error', async () => {
    const { code, err } = await cli((config) => {
      config.sites[0].port = 1;
    }, '--json');
    expect(code).toBe(5);
    expect(JSON.parse(err)).toMatchObject({ code: 'PLACE_UNAVAILABLE' });
  });
});
