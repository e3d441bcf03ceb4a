import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DatabaseServer, onServer, startMariaDb } from '../../infra/lab/databases/index.ts';
import { createOrgDirectory } from '../../src/adapters/coredb/orgDirectory.ts';
import { DirectoryUnavailableError, NoHomeRegionError, UnknownOrgError } from '../../src/errors/index.ts';
import type { OrgDirectory } from '../../src/ports/directory.ts';
import { freeze, rejectionOf } from './help.ts';

describe('the org directory', () => {
  let baseDir: string;
  let server: DatabaseServer;
  let directory: OrgDirectory;
  const opened: OrgDirectory[] = [];
  const directoryWith = (options: { table?: string; port?: number; password?: string } = {}) => {
    const { host, port, user, password } = server;
    const created = createOrgDirectory({ host, port, user, password, ...options }, ['eu-west-2', 'us-east-1']);
    opened.push(created);
    return created;
  };

  beforeAll(async () => {
    baseDir = await mkdtemp(join(tmpdir(), 'places-'));
    server = await startMariaDb({ name: 'coredb', baseDir });
    await onServer(server, (connection) =>
      connection.query(`CREATE DATABASE CoreDB;
        CREATE TABLE CoreDB.Organisation (OrgID INT PRIMARY KEY, Name VARCHAR(50), HomeRegion VARCHAR(20) NULL);
        INSERT INTO CoreDB.Organisation VALUES (4, 'Four', 'eu-west-2'), (42, 'X', NULL), (420, 'Y', ''), (5, 'Z', 'mars-1')`),
    );
    directory = directoryWith();
  });
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()));
    await server.stop();
    await rm(baseDir, { recursive: true, force: true });
  });

  it('finds the home region of exactly this org', async () => {
    await directory.ping();
    expect(await directory.homeRegion(4)).toBe('eu-west-2');
  });

  it('asks anew each time', async () => {
    await onServer(server, (c) => c.query(`UPDATE CoreDB.Organisation SET HomeRegion = 'us-east-1' WHERE OrgID = 4`));
    expect(await directory.homeRegion(4)).toBe('us-east-1');
  });

  it('tells an unknown org from one without a usable region', async () => {
    expect(await rejectionOf(directory.homeRegion(999))).toBeInstanceOf(UnknownOrgError);
    for (const [orgId, homeRegion] of [
      [42, null],
      [420, null],
      [5, 'mars-1'],
    ] as const) {
      const error = await rejectionOf(directory.homeRegion(orgId));
      expect(error).toBeInstanceOf(NoHomeRegionError);
      expect(error).toMatchObject({ homeRegion });
    }
  });

  it('lists orgs by their ids, page by page, with the regions that can be used', async () => {
    const all = [
      { orgId: 4, homeRegion: 'us-east-1' },
      { orgId: 5, homeRegion: null },
      { orgId: 42, homeRegion: null },
      { orgId: 420, homeRegion: null },
    ];
    await onServer(server, (c) => c.query(`UPDATE CoreDB.Organisation SET HomeRegion = 'us-east-1' WHERE OrgID = 4`));
    expect(await directory.orgs({ after: 0, limit: 10 })).toEqual(all);
    expect(await directory.orgs({ after: 4, limit: 2 })).toEqual(all.slice(1, 3));
    expect(await directory.orgs({ homeRegion: 'us-east-1', after: 0, limit: 10 })).toEqual(all.slice(0, 1));
    expect(await directory.orgs({ orgIds: [420, 4, 999], after: 0, limit: 10 })).toEqual([all[0], all[3]]);
    expect(await directory.orgs({ orgIds: [], after: 0, limit: 10 })).toEqual([]);
  });

  it('says when CoreDB cannot be asked', async () => {
    for (const broken of [
      directoryWith({ table: 'Absent' }),
      directoryWith({ port: 1 }),
      directoryWith({ password: 'x' }),
    ]) {
      expect(await rejectionOf(broken.homeRegion(4))).toBeInstanceOf(DirectoryUnavailableError);
      expect(await rejectionOf(broken.ping())).toBeInstanceOf(DirectoryUnavailableError);
      const listed = broken.orgs({ after: 0, limit: 1 });
      expect(await rejectionOf(listed)).toBeInstanceOf(DirectoryUnavailableError);
    }
  });

  it('stops waiting for a frozen server when told to, and finds the way back', async () => {
    await freeze(server);
    try {
      expect(await rejectionOf(directory.homeRegion(4, AbortSignal.timeout(50)))).toMatchObject({
        name: 'TimeoutError',
      });
    } finally {
      await server.kill('SIGCONT');
    }
    await server.restart();
    const fresh = await directory.homeRegion(4).catch(() => directory.homeRegion(4));
    expect(fresh).toBe('us-east-1');
  });
});
