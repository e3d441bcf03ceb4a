import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endpointFindings } from '../../src/adapters/mysql/findings/server.ts';
import { timeOf } from '../../src/adapters/mysql/operation.ts';
import { undoFindings } from '../../src/preflight/operation.ts';
import { PreflightWorld } from './world.ts';

// biome-ignore lint/suspicious/noExplicitAny: any part of it may be changed to anything
type LooseConfig = any;

describe('what bears the move', () => {
  let world: PreflightWorld;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'preflight-'));
    world = await PreflightWorld.start();
  });
  afterAll(async () => {
    await world?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const nothing = async () => {};
  const unknown = /^(BACKUP|DISK)_UNKNOWN$/;

  it('is unknown until the configuration says how to ask, and then told', async () => {
    const before = world.baseline.filter(({ code }) => unknown.test(code));
    expect(before.map(({ code, severity, evidence }) => `${code} ${severity} ${evidence.place}`).sort()).toEqual([
      `BACKUP_UNKNOWN warn ${world.cluster.name}`,
      'BACKUP_UNKNOWN warn lon1',
      'BACKUP_UNKNOWN warn lon2',
      'DISK_UNKNOWN warn lon1',
      'DISK_UNKNOWN warn lon2',
    ]);
    const touched = join(folder, 'touched');
    await writeFile(touched, '');
    const found = await world.findings((config) => {
      const [first, second] = config.sites;
      first.backup = { query: 'SELECT UTC_TIMESTAMP() - INTERVAL 1 HOUR' };
      second.backup = { file: touched };
      config.clusters[0].backup = { query: 'SELECT UNIX_TIMESTAMP()' };
      for (const site of config.sites) site.disk = { query: 'SELECT 50, 100' };
    });
    expect(found.filter(({ code }) => /^(BACKUP|DISK)_/.test(code))).toEqual([]);
  });

  it('a backup that is too old, by a query, by a file’s content and by its own time', async () => {
    const told = join(folder, 'told');
    await writeFile(told, `${new Date(Date.now() - 50.5 * 3_600_000).toISOString()}\n`);
    const old = join(folder, 'old');
    await writeFile(old, '');
    await utimes(old, 0, new Date(Date.now() - 50.5 * 3_600_000));
    const sources = [{ query: 'SELECT UTC_TIMESTAMP(3) - INTERVAL 3030 MINUTE' }, { file: told }, { file: old }];
    for (const backup of sources) {
      const [found] = await world.finds({ code: 'BACKUP_OLD', severity: 'refuse' }, nothing, nothing, (config) => {
        config.sites[1].backup = backup;
      });
      expect(found?.message).toContain('lon2 is 50 h old');
    }
  });

  it('a query that fails, and a file that is not there, say nothing', async () => {
    for (const backup of [{ query: 'SELECT nothing FROM nowhere' }, { file: join(folder, 'missing') }]) {
      const found = await world.findings((config: LooseConfig) => {
        config.sites[0].backup = backup;
      });
      expect(found.filter(({ code, evidence }) => code === 'BACKUP_UNKNOWN' && evidence.place === 'lon1')).toHaveLength(
        1,
      );
    }
  });

  it('a disk that fills up warns, one that is full refuses', async () => {
    const disk = (free: number) => (config: LooseConfig) => {
      config.sites[0].disk = { query: `SELECT ${free}, 1000` };
    };
    await world.finds({ code: 'DISK_SHORT', severity: 'warn' }, nothing, nothing, disk(120));
    await world.finds({ code: 'DISK_SHORT', severity: 'refuse' }, nothing, nothing, disk(30));
  });
});

it('undo that is long, or held for long, warns; nobody can wait for either here', () => {
  const judged = (historyLength: number | null, oldestTransactionS: number | null) =>
    undoFindings('lon1', { historyLength, oldestTransactionS }).map(({ code }) => code);
  expect([judged(1_000_001, null), judged(5, 3_601)]).toEqual([['UNDO_LONG'], ['UNDO_LONG']]);
  expect([judged(1_000_000, 3_600), judged(null, null)]).toEqual([[], []]);
});

it.each([
  ['bigdb.cluster-abc123.eu-west-2.rds.amazonaws.com', null],
  ['lon1.example.net', null],
  ['bigdb.cluster-ro-abc123.eu-west-2.rds.amazonaws.com', 'refuse'],
  ['reports.cluster-custom-abc123.eu-west-2.rds.amazonaws.com', 'refuse'],
  ['bigdb-1.abc123.eu-west-2.rds.amazonaws.com', 'warn'],
])('the endpoint %s', (host, severity) => {
  const found = endpointFindings('aurora', host);
  expect(found.map((each) => [each.code, each.severity])).toEqual(
    severity === null ? [] : [['CLUSTER_ENDPOINT_NOT_WRITER', severity]],
  );
});

it('reads times as servers and jobs write them', () => {
  const noon = Date.UTC(2026, 0, 2, 12);
  expect(
    ['2026-01-02 12:00:00', '2026-01-02T12:00:00Z', '2026-01-02T12:00:00+00:00', noon / 1_000].map(timeOf),
  ).toEqual([noon, noon, noon, noon]);
  expect(['yesterday', '', null].map(timeOf)).toEqual([null, null, null]);
});
