import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  clusterIdVariables,
  type DatabaseServer,
  LabDatabaseError,
  makeTempFolder,
  mySqlIsAvailable,
  onServer,
  pollUntil,
  removeFolder,
  startCluster,
  startMariaDb,
} from '../../infra/lab/databases/index.ts';

let folder: string;
beforeAll(async () => {
  folder = await makeTempFolder('bigdb-test-');
});
afterAll(() => removeFolder(folder));

async function variables(server: DatabaseServer, names: readonly string[]): Promise<Record<string, unknown>> {
  const [rows] = await onServer(server, (connection) =>
    connection.query<RowDataPacket[]>(`SELECT ${names.map((name) => `@@GLOBAL.${name} AS ${name}`).join(', ')}`),
  );
  return { ...rows[0] };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a database server', () => {
  test('keeps its data and its port over kill and restart, and is gone after stop', async () => {
    const server = await startMariaDb({ name: 'one', baseDir: folder });
    const { pid, port } = server;
    await onServer(server, (c) =>
      c.query('CREATE DATABASE kept; CREATE TABLE kept.t (n INT PRIMARY KEY); INSERT INTO kept.t VALUES (7)'),
    );
    await server.kill('SIGKILL');
    expect(isAlive(pid)).toBe(false);
    await server.restart();
    expect(server.port).toBe(port);
    const [rows] = await onServer(server, (c) => c.query<RowDataPacket[]>('SELECT n FROM kept.t'));
    expect(rows).toEqual([{ n: 7 }]);
    const second = server.pid;
    await server.kill('SIGSTOP');
    await server.stop();
    expect(isAlive(second)).toBe(false);
  });

  test('says why it did not start', async () => {
    const failure = startMariaDb({ name: 'faulty', baseDir: folder, variables: { 'no-such-variable': '1' } });
    await expect(failure).rejects.toBeInstanceOf(LabDatabaseError);
    await expect(failure).rejects.toMatchObject({
      code: 'LAB_SERVER_DID_NOT_START',
      message: expect.stringContaining('no-such-variable'),
    });
  });

  test('writes a row binlog with full images and takes zero dates', async () => {
    const site = await startMariaDb({ name: 'site', baseDir: folder });
    const cluster = await startCluster({ name: 'cluster', baseDir: folder, variables: clusterIdVariables(0) });
    expect(cluster.flavour).toBe((await mySqlIsAvailable()) ? 'mysql' : 'mariadb');
    for (const server of [site, cluster]) {
      expect(await variables(server, ['binlog_format', 'binlog_row_image', 'log_bin', 'time_zone'])).toMatchObject({
        binlog_format: 'ROW',
        binlog_row_image: 'FULL',
        log_bin: 1,
        time_zone: '+00:00',
      });
      await onServer(server, (c) =>
        c.query("CREATE DATABASE z; CREATE TABLE z.t (d DATE NOT NULL); INSERT INTO z.t VALUES ('0000-00-00')"),
      );
    }
    expect(await variables(cluster, ['auto_increment_increment', 'auto_increment_offset', 'server_id'])).toEqual({
      auto_increment_increment: 8,
      auto_increment_offset: 3,
      server_id: 3,
    });
    await Promise.all([site.stop(), cluster.stop()]);
  });

  test('does not outlive a lab that is killed, nor does its folder', async () => {
    const script = new URL('./fixtures/leaveEverythingBehind.ts', import.meta.url).pathname;
    const lab = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface(lab.stdout), 'line')) as [string];
    const left = JSON.parse(line) as { folder: string; pid: number };
    expect(isAlive(left.pid)).toBe(true);
    expect(existsSync(left.folder)).toBe(true);
    lab.kill('SIGKILL');
    await pollUntil('the server and its folder to go', async () => !isAlive(left.pid) && !existsSync(left.folder), {
      timeoutMs: 60_000,
    });
  });
});
