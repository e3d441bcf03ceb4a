import { beforeEach, describe, expect, test } from 'vitest';
import { errorOf, type ProxyBench, SOURCE, sideOf, TARGET } from './bench.ts';

/** Tables, layers and commands of the admin port. */
export function adminSuite(given: () => ProxyBench): void {
  describe('the admin interface of ProxySQL', () => {
    let bench: ProxyBench;
    beforeEach(() => {
      bench = given();
    });

    test('gives every value as a string, and NULL as NULL', async () => {
      expect(await bench.admin('SELECT 1 AS a, 1.0 AS b, NULL AS c, hostgroup_id FROM mysql_servers LIMIT 1')).toEqual([
        { a: '1', b: '1.0', c: null, hostgroup_id: '1' },
      ]);
    });

    test('puts errors of SQLite into errno 1045 with a prefix', async () => {
      expect(await errorOf(bench.admin('SELECT * FROM nowhere'))).toMatchObject({
        errno: 1045,
        message: 'ProxySQL Admin Error: no such table: nowhere',
      });
      expect(await errorOf(bench.admin('INSERT INTO mysql_query_rules (rule_id, active) VALUES (1, 5)'))).toMatchObject(
        {
          errno: 1045,
          message: 'ProxySQL Admin Error: CHECK constraint failed: active IN (0,1)',
        },
      );
      expect(await errorOf(bench.admin('LOAD MYSQL NONSENSE TO RUNTIME'))).toMatchObject({ errno: 1045 });
    });

    test('takes INSERT OR REPLACE, INSERT … SELECT and json_extract()', async () => {
      await bench.admin(
        "INSERT INTO mysql_query_rules (rule_id, comment) VALUES (1, 'old')",
        "INSERT OR REPLACE INTO mysql_query_rules (rule_id, comment) VALUES (1, 'new')",
        'INSERT INTO mysql_query_rules (rule_id, comment) SELECT rule_id + 1, comment FROM mysql_query_rules',
      );
      expect(await bench.admin('SELECT rule_id, comment FROM mysql_query_rules')).toEqual([
        { rule_id: '1', comment: 'new' },
        { rule_id: '2', comment: 'new' },
      ]);
      expect(await bench.admin(`SELECT json_extract('{"a":{"b":7}}', '$.a.b') AS b`)).toEqual([{ b: '7' }]);
    });

    test('reports the true number of affected rows, so a condition on the comment is a compare-and-set', async () => {
      await bench.admin("INSERT INTO mysql_query_rules (rule_id, comment) VALUES (7, 'org=42 epoch=7 step=hold')");
      const set = (epoch: number) =>
        bench.affected(
          `UPDATE mysql_query_rules SET comment='mine' WHERE rule_id=7 AND comment LIKE '%epoch=${epoch} %'`,
        );
      expect(await set(6)).toBe(0);
      expect(await set(7)).toBe(1);
      expect(await set(7)).toBe(0);
    });

    test('ignores transactions: a ROLLBACK takes nothing back', async () => {
      await bench.admin('BEGIN', 'INSERT INTO mysql_query_rules (rule_id) VALUES (1)', 'ROLLBACK');
      expect(await bench.admin('SELECT rule_id FROM mysql_query_rules')).toEqual([{ rule_id: '1' }]);
    });

    test('applies nothing before its LOAD, and then the whole memory, other editors’ work included', async () => {
      const client = await bench.client();
      const editor = await bench.newAdmin();
      await editor.query("INSERT INTO mysql_query_rules (rule_id, active, comment) VALUES (5, 1, 'of somebody else')");
      await bench.addRule({ rule_id: 1, username: 'org42', destination_hostgroup: TARGET });
      expect(await sideOf(client)).toBe('source');
      await bench.admin('LOAD MYSQL QUERY RULES TO RUNTIME');
      expect(await sideOf(client)).toBe('target');
      expect(await bench.admin('SELECT rule_id, comment FROM runtime_mysql_query_rules')).toEqual([
        { rule_id: '1', comment: null },
        { rule_id: '5', comment: 'of somebody else' },
      ]);
    });

    test('takes only active rules into the runtime', async () => {
      await bench.rules({ rule_id: 1, active: 0, username: 'org42', destination_hostgroup: TARGET });
      expect(await bench.admin('SELECT rule_id FROM runtime_mysql_query_rules')).toEqual([]);
      expect(await sideOf(await bench.client())).toBe('source');
    });

    test('keeps rules and servers apart: one LOAD leaves the other alone', async () => {
      await bench.addRule({ rule_id: 1, username: 'org42', destination_hostgroup: TARGET });
      await bench.admin('LOAD MYSQL SERVERS TO RUNTIME');
      expect(await sideOf(await bench.client())).toBe('source');
    });

    test('gives a checksum per module that follows the content, comments included', async () => {
      const checksum = async () =>
        (await bench.admin("SELECT checksum, version FROM runtime_checksums_values WHERE name='mysql_query_rules'"))[0];
      await bench.rules({ rule_id: 1, comment: 'a' });
      const first = await checksum();
      await bench.rules({ rule_id: 1, comment: 'b' });
      const second = await checksum();
      await bench.rules({ rule_id: 1, comment: 'a' });
      const third = await checksum();
      expect(second?.checksum).not.toBe(first?.checksum);
      expect(third?.checksum).toBe(first?.checksum);
      expect(Number(third?.version)).toBe(Number(first?.version) + 2);
      const modules = await bench.admin('SELECT name FROM runtime_checksums_values');
      expect(modules.map((row) => row.name)).toEqual(
        expect.arrayContaining([
          'mysql_query_rules',
          'mysql_servers',
          'mysql_users',
          'mysql_variables',
          'admin_variables',
        ]),
      );
    });

    test('answers SET of an unknown variable with OK and a message, and puts back a value of the wrong kind', async () => {
      expect(await bench.admin('SET mysql-nonsense=1')).toMatchObject({
        info: "ERROR: Unknown global variable: 'mysql-nonsense'.",
      });
      await bench.admin("SET mysql-connect_timeout_server_max='soon'", 'LOAD MYSQL VARIABLES TO RUNTIME');
      expect(await bench.admin("SHOW VARIABLES LIKE 'mysql-connect_timeout_server_max'")).toEqual([
        { Variable_name: 'mysql-connect_timeout_server_max', Value: '10000' },
      ]);
    });

    test('shows memory and disk apart, and copies memory to disk with SAVE', async () => {
      await bench.admin(
        'SAVE MYSQL QUERY RULES TO DISK',
        "INSERT INTO mysql_query_rules (rule_id, comment) VALUES (3, 'new')",
      );
      expect(await bench.admin('SELECT rule_id FROM disk.mysql_query_rules')).toEqual([]);
      await bench.admin('SAVE MYSQL QUERY RULES TO DISK');
      expect(await bench.admin('SELECT rule_id, comment FROM disk.mysql_query_rules')).toEqual([
        { rule_id: '3', comment: 'new' },
      ]);
      await bench.admin('DELETE FROM mysql_query_rules', 'LOAD MYSQL QUERY RULES FROM DISK');
      expect(await bench.admin('SELECT rule_id FROM main.mysql_query_rules')).toEqual([{ rule_id: '3' }]);
    });

    test('puts back a server that the runtime had changed, when LOAD MYSQL SERVERS publishes a stale memory', async () => {
      await bench.admin(
        `UPDATE mysql_servers SET port=${bench.target.port} WHERE hostgroup_id=${SOURCE}`,
        'LOAD MYSQL SERVERS TO RUNTIME',
        `UPDATE mysql_servers SET port=${bench.source.port} WHERE hostgroup_id=${SOURCE}`,
      );
      expect(await sideOf(await bench.client())).toBe('target');
      const port = await bench.admin(`SELECT port FROM runtime_mysql_servers WHERE hostgroup_id=${SOURCE}`);
      expect(port).toEqual([{ port: String(bench.target.port) }]);
      await bench.admin(
        `INSERT INTO mysql_servers (hostgroup_id, hostname, port) VALUES (77, '127.0.0.1', ${bench.source.port})`,
        'LOAD MYSQL SERVERS TO RUNTIME',
      );
      expect(await sideOf(await bench.client())).toBe('source');
    });

    test('copies the runtime back into memory with SAVE … FROM RUNTIME', async () => {
      await bench.admin('DELETE FROM mysql_servers', 'SAVE MYSQL SERVERS FROM RUNTIME');
      expect(await bench.admin('SELECT hostgroup_id FROM mysql_servers ORDER BY 1')).toEqual([
        { hostgroup_id: '1' },
        { hostgroup_id: '2' },
      ]);
    });

    test('carries out a command that was sent to a frozen proxy after the thaw, even if the sender has gone', async () => {
      await bench.admin("INSERT INTO mysql_query_rules (rule_id, comment) VALUES (1, 'epoch=7')");
      const sender = await bench.newAdmin();
      bench.freeze();
      await bench.leaveBehind(sender, "UPDATE mysql_query_rules SET comment='late' WHERE comment='epoch=7'");
      bench.thaw();
      await bench.waitUntil(
        'the late command to be carried out',
        async () => (await bench.admin('SELECT comment FROM mysql_query_rules'))[0]?.comment === 'late',
      );
    });

    test('forgets at a restart what was not saved to disk, and brings back what was', async () => {
      await bench.rules({ rule_id: 1, username: 'org42', destination_hostgroup: TARGET });
      await bench.admin('SAVE MYSQL QUERY RULES TO DISK', 'SAVE MYSQL SERVERS TO DISK', 'SAVE MYSQL USERS TO DISK');
      await bench.rules({ rule_id: 1, username: 'org42', destination_hostgroup: SOURCE });
      expect(await sideOf(await bench.client())).toBe('source');
      await bench.restartProxy();
      expect(await sideOf(await bench.client())).toBe('target');
      await bench.admin('DELETE FROM mysql_query_rules', 'SAVE MYSQL QUERY RULES TO DISK');
    });
  });
}
