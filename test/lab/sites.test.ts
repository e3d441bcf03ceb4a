import type { ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  LabDatabaseError,
  makeTempFolder,
  onServer,
  pollUntil,
  removeFolder,
  type Sites,
  startControl,
  startSites,
} from '../../infra/lab/databases/index.ts';

let folder: string;
let sites: Sites;
beforeAll(async () => {
  folder = await makeTempFolder('bigdb-test-');
  sites = await startSites({ baseDir: folder });
  await onServer(sites.site('lon1').server, (c) =>
    c.query('CREATE DATABASE d; CREATE TABLE d.t (id INT AUTO_INCREMENT PRIMARY KEY, site INT NOT NULL)'),
  );
  await sites.waitUntilInStep();
});
afterAll(async () => {
  await sites?.stop();
  await removeFolder(folder);
});

async function insert(name: string, count: number): Promise<number[]> {
  return onServer(sites.site(name).server, async (connection) => {
    const ids: number[] = [];
    for (let n = 0; n < count; n += 1) {
      const [result] = await connection.query<ResultSetHeader>('INSERT INTO d.t (site) VALUES (@@server_id)');
      ids.push(result.insertId);
    }
    return ids;
  });
}

async function rowsAt(name: string): Promise<unknown[]> {
  const [rows] = await onServer(sites.site(name).server, (c) =>
    c.query<RowDataPacket[]>('SELECT id, site FROM d.t ORDER BY id'),
  );
  return rows.map((row) => ({ ...row }));
}

describe('two sites', () => {
  test('replicate both ways at once, with ids that never meet', async () => {
    const [first, second] = await Promise.all([insert('lon1', 100), insert('lon2', 100)]);
    await sites.waitUntilInStep();
    expect(new Set(first.map((id) => id % 8))).toEqual(new Set([1]));
    expect(new Set(second.map((id) => id % 8))).toEqual(new Set([2]));
    const rows = await rowsAt('lon1');
    expect(rows).toHaveLength(200);
    expect(await rowsAt('lon2')).toEqual(rows);
  });

  test('each keep their own GTID domain, and both domains in either binlog', async () => {
    for (const { server } of sites.sites) {
      const [rows] = await onServer(server, (c) => c.query<RowDataPacket[]>('SELECT @@gtid_binlog_pos AS position'));
      expect(rows[0]?.position).toMatch(/^1-1-\d+,2-2-\d+$/);
    }
  });

  test('go on in one direction while the other is stopped, and catch up', async () => {
    const lon2 = sites.site('lon2');
    await lon2.stopReplication();
    expect(await lon2.replicationRuns()).toBe(false);
    expect(await sites.site('lon1').replicationRuns()).toBe(true);
    const [missing] = await insert('lon1', 1);
    const [arriving] = await insert('lon2', 1);
    await pollUntil('the row of lon2 at lon1', async () =>
      (await rowsAt('lon1')).some((row) => (row as { id: number }).id === arriving),
    );
    expect(await rowsAt('lon2')).not.toContainEqual({ id: missing, site: 1 });
    await expect(sites.waitUntilInStep({ timeoutMs: 200 })).rejects.toBeInstanceOf(LabDatabaseError);
    await lon2.startReplication();
    await sites.waitUntilInStep();
    expect(await rowsAt('lon2')).toContainEqual({ id: missing, site: 1 });
  });

  test('find each other again after a site was killed', async () => {
    const { server } = sites.site('lon2');
    await server.kill('SIGKILL');
    await insert('lon1', 5);
    await server.restart();
    for (const site of sites.sites) await pollUntil(`replication at ${site.name}`, () => site.replicationRuns());
    await insert('lon2', 5);
    await sites.waitUntilInStep();
    expect(await rowsAt('lon2')).toEqual(await rowsAt('lon1'));
  });
});

test('store and CoreDB are servers of their own', async () => {
  const control = await startControl({ baseDir: folder });
  expect(control.store.port).not.toBe(control.coredb.port);
  await control.stop();
});
