import type { ResultSetHeader } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import { Bench, errorOf, HOLD, type Rule, SOURCE, sideOf, TARGET } from './bench.ts';
import { holdingSuite } from './suites/holding.ts';
import { retiringSuite } from './suites/retiring.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start();
});
afterAll(() => bench?.stop());

holdingSuite(() => bench);
retiringSuite(() => bench);

const INSERT = "INSERT INTO t (org, v) VALUES (42, 'held')";
/** Plain reads stay where they are; the rest of org 42 is parked. */
const PLAIN_READS: Rule = {
  rule_id: 10,
  username: 'org42',
  match_digest: '^SELECT (?!.*(FOR UPDATE|LOCK IN SHARE MODE|GET_LOCK))',
  destination_hostgroup: SOURCE,
};
const HELD: Rule = { rule_id: 20, username: 'org42', destination_hostgroup: HOLD };
const FLIPPED: Rule = { rule_id: 20, username: 'org42', destination_hostgroup: TARGET };

const parked = (user = 'org42') =>
  bench.waitForProcess(`${user} to be parked`, (row) => row.user === user && row.command === 'Connect');

describe('holding queries in ProxySQL', () => {
  beforeEach(() => bench.reset());

  test('a prepared statement is parked at its execution, and one that nobody has prepared yet at its preparation', async () => {
    const client = await bench.client();
    const statement = await client.prepare('INSERT INTO t (org, v) VALUES (?, ?)');
    await bench.rules(HELD);
    const execution = statement.execute([42, 'held']);
    await parked();
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
    await parked();
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

  test('taking them away under a running autocommit INSERT has it run twice when a server comes back', async () => {
    await bench.rules(HELD);
    await bench.copyServers(TARGET, HOLD);
    const client = await bench.client();
    const insert = client.query("INSERT INTO t (org, v) SELECT 42, 'held' FROM (SELECT SLEEP(0.4)) AS s");
    await bench.waitForProcess('the INSERT to run', (row) => row.command === 'Query' && row.info !== null);
    await bench.removeServers(HOLD);
    await parked();
    await pollUntil('the first run to be committed', async () => (await bench.stored(bench.target, 'held')) === 1);
    await bench.copyServers(TARGET, HOLD);
    const [header] = await insert;
    expect((header as ResultSetHeader).affectedRows).toBe(1);
    expect(await bench.stored(bench.target, 'held')).toBe(2);
  });

  test('… and gives the client 9001 when none comes back, though it was committed', async () => {
    await bench.variables({ connect_timeout_server_max: 700 });
    await bench.rules(HELD);
    await bench.copyServers(TARGET, HOLD);
    const client = await bench.client();
    const insert = errorOf(client.query("INSERT INTO t (org, v) SELECT 42, 'held' FROM (SELECT SLEEP(0.4)) AS s"));
    await bench.waitForProcess('the INSERT to run', (row) => row.command === 'Query' && row.info !== null);
    await bench.removeServers(HOLD);
    expect(await insert).toMatchObject({ errno: 9001 });
    expect(await bench.stored(bench.target, 'held')).toBe(1);
  });
});
