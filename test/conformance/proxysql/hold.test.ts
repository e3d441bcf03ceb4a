import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import { Bench, HOLD, sideOf, TARGET } from './bench.ts';
import { FLIPPED, HELD, holdingSuite, PLAIN_READS } from './suites/holding.ts';
import { retiringSuite } from './suites/retiring.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(() => bench?.stop());
beforeEach(() => bench.reset());

holdingSuite(() => bench);
retiringSuite(() => bench);

const INSERT = "INSERT INTO t (org, v) VALUES (42, 'held')";

describe('holding queries in ProxySQL', () => {
  test('a prepared statement is parked at its execution, and one that nobody has prepared yet at its preparation', async () => {
    const client = await bench.client();
    const statement = await client.prepare('INSERT INTO t (org, v) VALUES (?, ?)');
    await bench.rules(HELD);
    const execution = statement.execute([42, 'held']);
    await bench.parked();
    const second = await bench.client();
    const preparation = second.prepare('INSERT INTO t (v, org) VALUES (?, ?)');
    await pollUntil(
      'both to be parked',
      async () => (await bench.processes()).filter((row) => row.command === 'Connect').length === 2,
    );
    await bench.copyServers(TARGET, HOLD);
    await execution;
    await (await preparation).execute(['held', 42]);
    expect(await bench.stored(bench.target, 'held')).toBe(2);
  });

  test('`SELECT 1; INSERT …` passes as a plain read unless the pattern excludes the semicolon', async () => {
    await bench.rules(PLAIN_READS, HELD);
    const client = await bench.client('org42', { multipleStatements: true });
    await client.query(`SELECT 1; ${INSERT}`);
    expect(await bench.stored(bench.source, 'held')).toBe(1);
    await bench.rules(
      { ...PLAIN_READS, match_digest: '^SELECT (?!.*(;|FOR UPDATE|LOCK IN SHARE MODE|GET_LOCK))' },
      HELD,
    );
    const batch = client.query(`SELECT 1; ${INSERT}`);
    await bench.parked();
    await bench.copyServers(TARGET, HOLD);
    await batch;
    expect(await bench.stored(bench.source, 'held')).toBe(1);
    expect(await bench.stored(bench.target, 'held')).toBe(1);
  });

  test('taking a hold hostgroup’s servers away is harmless to idle sessions, with temporary tables too, and keeps their connection', async () => {
    await bench.rules(HELD);
    await bench.copyServers(TARGET, HOLD);
    const client = await bench.client();
    await client.query('CREATE TEMPORARY TABLE mine (a INT)');
    await bench.rules(FLIPPED);
    await bench.removeServers(HOLD);
    expect(await sideOf(client)).toBe('target');
    const pool = await bench.admin(`SELECT status, ConnUsed FROM stats_mysql_connection_pool WHERE hostgroup=${HOLD}`);
    expect(pool).toEqual([{ status: 'OFFLINE_HARD', ConnUsed: '1' }]);
    expect(await bench.admin(`SELECT status FROM runtime_mysql_servers WHERE hostgroup_id=${HOLD}`)).toEqual([
      { status: 'OFFLINE_HARD' },
    ]);
  });
});
