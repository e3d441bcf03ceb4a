import type { ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  createAccounts,
  createBigDbSchema,
  createOrgSchemas,
  labOrgIds,
  makeAccounts,
  orgSchemaName,
  seedOrgs,
} from '../../infra/lab/bigdb/index.ts';
import {
  type DatabaseServer,
  makeTempFolder,
  onServer,
  pollUntil,
  removeFolder,
  startMariaDb,
} from '../../infra/lab/databases/index.ts';
import {
  startWorkload,
  type Workload,
  type WorkloadCheck,
  type WorkloadOptions,
} from '../../infra/lab/workload/index.ts';

const ORGS = labOrgIds(4);
const accounts = makeAccounts(ORGS);

let folder: string;
let server: DatabaseServer;
let workload: Workload | undefined;
beforeAll(async () => {
  folder = await makeTempFolder('bigdb-test-');
  server = await startMariaDb({
    name: 'lon1',
    baseDir: folder,
    variables: {
      'server-id': '1',
      'auto-increment-increment': '8',
      'auto-increment-offset': '1',
      'log-output': 'TABLE',
    },
  });
  await createBigDbSchema(server, 'site');
  await createAccounts(server, accounts);
  await createOrgSchemas(server, ORGS);
  await seedOrgs({ site: server, orgs: ORGS, rowsPerOrg: 1_000 });
});
afterEach(() => workload?.stop());
afterAll(async () => {
  await server?.stop();
  await removeFolder(folder);
});

async function start(options: Partial<WorkloadOptions> = {}): Promise<Workload> {
  const routing = options.routing ?? 'user';
  const started = await startWorkload({
    proxies: ['one', 'two'].map((name) => ({ name, host: server.host, port: server.port })),
    orgs: ORGS.map((orgId) => ({
      orgId,
      ...((routing === 'user' ? accounts.orgs.get(orgId) : undefined) ?? accounts.app),
      database: routing === 'schema' ? orgSchemaName(orgId) : 'BigDB',
    })),
    ratePerOrg: 300,
    ...options,
    routing,
  });
  workload = started;
  return started;
}

async function acknowledge(running: Workload, writes: number): Promise<void> {
  const before = running.writesAcknowledged;
  await pollUntil(`${writes} acknowledged writes`, async () => running.writesAcknowledged >= before + writes);
}

const check = (of: Workload) => of.check({ sideOf: () => server });

/** A defect: SQL that plants it, and what the check has to say afterwards. */
interface Defect {
  readonly name: string;
  readonly sql: string;
  readonly expected: Partial<WorkloadCheck>;
}

const DEFECTS: readonly Defect[] = [
  {
    name: 'an inserted row that is gone',
    sql: 'DELETE FROM CallLogs WHERE OrgID = 42 AND WriteId >= ? ORDER BY CallLogID LIMIT 1',
    expected: { lost: 1, duplicated: 0, mismatchedRows: 0 },
  },
  {
    name: 'a row that holds an earlier write',
    sql: 'UPDATE CdrTasks SET WriteId = WriteId - 100000 WHERE OrgID = 42 AND WriteId >= ? ORDER BY TaskID LIMIT 1',
    expected: { lost: 1, duplicated: 0, mismatchedRows: 0 },
  },
  {
    name: 'an acknowledged relative update that is missing',
    sql: 'UPDATE CompositeUsage SET Calls = Calls - 1 WHERE OrgID = 42 AND WriteId >= ? AND Calls > 0 LIMIT 1',
    expected: { lost: 1, duplicated: 0, mismatchedRows: 0 },
  },
  {
    name: 'a relative update carried out twice',
    sql: 'UPDATE CdrTasks SET Attempts = Attempts + 1 WHERE OrgID = 42 AND WriteId >= ? LIMIT 1',
    expected: { lost: 0, duplicated: 1, mismatchedRows: 0 },
  },
  {
    name: 'an insert carried out twice',
    sql: `INSERT INTO CallLogs (OrgID, StartedAt, Direction, CallerNumber, CalleeNumber, SipCallId, WriteId)
          SELECT OrgID, StartedAt, Direction, CallerNumber, CalleeNumber, SipCallId, WriteId FROM CallLogs
          WHERE OrgID = 42 AND WriteId >= ? LIMIT 1`,
    expected: { lost: 0, duplicated: 1, mismatchedRows: 0 },
  },
  {
    name: 'a text that was altered',
    sql: "UPDATE CallLogs SET Notes = CONCAT(Notes, ' ') WHERE OrgID = 42 AND WriteId >= ? LIMIT 1",
    expected: { lost: 0, duplicated: 0, mismatchedRows: 1 },
  },
  {
    name: 'microseconds cut off',
    sql: `UPDATE CallLogs SET StartedAt = StartedAt - INTERVAL MICROSECOND(StartedAt) MICROSECOND
          WHERE OrgID = 42 AND WriteId >= ? AND MICROSECOND(StartedAt) > 0 LIMIT 1`,
    expected: { lost: 0, duplicated: 0, mismatchedRows: 1 },
  },
  {
    name: 'a blob that was cut',
    sql: `UPDATE ApplicationBlob SET Content = LEFT(Content, LENGTH(Content) - 1)
          WHERE OrgID = 42 AND WriteId >= ? AND LENGTH(Content) > 0 LIMIT 1`,
    expected: { lost: 0, duplicated: 0, mismatchedRows: 1 },
  },
  {
    name: 'a write that nobody made',
    sql: `INSERT INTO WholesaleCallCostCache (OrgID, CarrierID, Prefix, RatePerMinute, ValidFrom, WriteId)
          VALUES (42, 9999, '1', 1, '2025-01-01', ? + 999999999)`,
    expected: { lost: 0, duplicated: 0, mismatchedRows: 1 },
  },
];

describe('the check', () => {
  test('finds all writes once, and each planted defect for what it is', async () => {
    const running = await start();
    await acknowledge(running, 3_000);
    await running.stop();
    const clean = await check(running);
    expect(clean).toMatchObject({ lost: 0, duplicated: 0, mismatchedRows: 0, ambiguousWrites: 0, findings: [] });
    expect(clean.writesAcknowledged).toBe(running.writesAcknowledged);
    expect(clean.writesStored).toBe(clean.writesAcknowledged);
    expect(running.clientErrors).toBe(0);
    expect(running.staleReads).toBe(0);

    const [first] = await query('SELECT MIN(WriteId) AS first FROM CallLogs WHERE WriteId > 0');
    for (const { name, sql, expected } of DEFECTS) {
      await planted(sql, Number(first?.first), async () => expect(await check(running), name).toMatchObject(expected));
    }
    expect(await check(running)).toEqual(clean);
  });

  test('finds a deleted row that came back', async () => {
    const running = await start();
    await acknowledge(running, 200);
    // By its whole key: another org, or another carrier, may have the same prefix.
    const keys = (where: string) =>
      query(`SELECT CONCAT_WS('/', OrgID, CarrierID, Prefix) AS RowKey FROM WholesaleCallCostCache ${where}`).then(
        (rows) => rows.map((row) => String(row.RowKey)),
      );
    const before = await keys('WHERE WriteId > 0');
    const gone = async () => {
      const now = new Set(await keys(''));
      return before.find((key) => !now.has(key));
    };
    await pollUntil('one of these rows to be deleted', gone);
    await running.stop();
    const deleted = await gone();
    if (deleted === undefined) throw new Error('a row that was deleted is there again');
    expect(await check(running)).toMatchObject({ lost: 0 });
    const back = deleted.split('/');
    await onServer(server, (c) =>
      c.query(
        "INSERT INTO BigDB.WholesaleCallCostCache (OrgID, CarrierID, Prefix, RatePerMinute, ValidFrom, WriteId) VALUES (?, ?, ?, 1, '2025-01-01', 5)",
        back,
      ),
    );
    expect(await check(running)).toMatchObject({ lost: 1, mismatchedRows: 0 });
  });

  test('tells writes that the wrong side took', async () => {
    const running = await start();
    await acknowledge(running, 500);
    const movedAtMs = Date.now();
    await acknowledge(running, 500);
    await running.stop();
    const always = ORGS.map((orgId) => ({ orgId, sides: [1, 2], fromMs: 0, toMs: Number.POSITIVE_INFINITY }));
    const right = await running.check({ sideOf: () => server, served: always });
    expect(right.wrongSideWrites).toBe(0);
    expect(right.attributedWrites).toBeGreaterThan(500);
    // Org 42 is said to have moved to side 3, yet side 1 went on taking its writes.
    const moved = [
      ...always.filter((interval) => interval.orgId !== 42),
      { orgId: 42, sides: [1, 2], fromMs: 0, toMs: movedAtMs },
      { orgId: 42, sides: [3], fromMs: movedAtMs, toMs: Number.POSITIVE_INFINITY },
    ];
    const wrong = await running.check({ sideOf: () => server, served: moved });
    expect(wrong.wrongSideWrites).toBeGreaterThan(20);
    expect(new Set(wrong.findings.map((finding) => `${finding.kind} ${finding.orgId}`))).toEqual(
      new Set(['wrongSide 42']),
    );
  });

  test('counts no write as lost that a killed server had acknowledged, and none that it had not', async () => {
    const running = await start();
    await acknowledge(running, 500);
    await server.kill('SIGKILL');
    await server.restart();
    await acknowledge(running, 500);
    await running.stop();
    expect(running.clientErrors).toBeGreaterThan(0);
    expect(running.errorSamples.length).toBeGreaterThan(0);
    expect(await check(running)).toMatchObject({ lost: 0, duplicated: 0, mismatchedRows: 0 });
  });
});

describe('the clients', () => {
  test('by schema, write through the org’s own schema', async () => {
    const running = await start({ routing: 'schema' });
    await acknowledge(running, 500);
    await running.stop();
    expect(running.clientErrors).toBe(0);
    expect(await check(running)).toMatchObject({ lost: 0, duplicated: 0, mismatchedRows: 0 });
  });

  test('by comment, annotate every statement with exactly one org, BEGIN too', async () => {
    const statements = await logged(() => start({ routing: 'comment' }));
    expect(statements.length).toBeGreaterThan(200);
    expect(statements.filter((sql) => !/^\/\* OrgID=\d+ \*\/ /.test(sql))).toEqual([]);
    expect(statements.some((sql) => sql.endsWith('*/ BEGIN'))).toBe(true);
    expect(statements.some((sql) => sql.includes('SKIP LOCKED'))).toBe(true);
    // No statement of a job is about two orgs.
    for (const sql of statements) {
      const annotated = /OrgID=(\d+)/.exec(sql)?.[1];
      for (const [, named] of sql.matchAll(/OrgID = (\d+)/g)) expect(named).toBe(annotated);
    }
  });

  test('forget the annotation of BEGIN when they are told to, of no other statement and no other org', async () => {
    const statements = await logged(() =>
      start({ routing: 'comment', forgetBeginAnnotation: { orgIds: [42], share: 1 }, jobInstancesPerProxy: 0 }),
    );
    const bare = statements.filter((sql) => !sql.startsWith('/*'));
    expect(new Set(bare)).toEqual(new Set(['BEGIN']));
    expect(statements).not.toContain('/* OrgID=42 */ BEGIN');
    expect(statements).toContain('/* OrgID=420 */ BEGIN');
  });

  test('keep to their rate, and tell how long they waited', async () => {
    const running = await start({ ratePerOrg: 50, orgs: orgsOf([4]), jobInstancesPerProxy: 0 });
    const fromMs = Date.now();
    await acknowledge(running, 100);
    const tookMs = Date.now() - fromMs;
    expect(tookMs).toBeGreaterThan(1_400);
    expect(running.acknowledgedSince(4, fromMs)).toBeGreaterThanOrEqual(100);
    expect(running.acknowledgedPerSecond(1_000)).toBeLessThan(80);

    const lockedMs = Date.now();
    await onServer(server, async (connection) => {
      await connection.query('FLUSH TABLES WITH READ LOCK');
      await pollUntil(
        'writes to wait',
        async () => running.waiting(4, 'write') > 0 && running.longestWaitMs(4, 'write', lockedMs) > 300,
      );
    });
    await acknowledge(running, 10);
    expect(running.longestWaitMs(4, 'write', lockedMs)).toBeGreaterThan(300);
    expect(running.longestWaitMs(4, 'read', lockedMs)).toBeLessThan(300);
    expect(running.longestWaitMs(4, 'write', fromMs, lockedMs)).toBeLessThan(300);
    await running.stop();
    expect(running.clientErrors).toBe(0);
  });

  test('that cannot connect are an error at the start', async () => {
    const orgs = orgsOf([4]).map((org) => ({ ...org, password: 'wrong' }));
    await expect(start({ orgs })).rejects.toThrow(/Access denied/);
  });
});

function orgsOf(ids: readonly number[]): WorkloadOptions['orgs'] {
  return ids.map((orgId) => ({ orgId, ...(accounts.orgs.get(orgId) ?? accounts.app), database: 'BigDB' }));
}

async function query(sql: string): Promise<RowDataPacket[]> {
  const [rows] = await onServer(server, async (c) => {
    await c.query('USE BigDB');
    return c.query<RowDataPacket[]>(sql);
  });
  return rows;
}

/** Runs `work` while a defect is there, then takes it back by undoing what it changed in a copy of the tables. */
async function planted(sql: string, firstWriteId: number, work: () => Promise<void>): Promise<void> {
  const table = /(?:FROM|UPDATE|INTO) (\w+)/.exec(sql)?.[1];
  await onServer(server, async (connection) => {
    await connection.query(`USE BigDB; CREATE TABLE kept LIKE ${table}; INSERT INTO kept SELECT * FROM ${table}`);
    try {
      const [result] = await connection.query<ResultSetHeader>(sql, [firstWriteId]);
      expect(result.affectedRows, sql).toBe(1);
      await work();
    } finally {
      await connection.query(`DROP TABLE ${table}; RENAME TABLE kept TO ${table}`);
    }
  });
}

/** What the clients of a workload sent, from the server's general log. */
async function logged(begin: () => Promise<Workload>): Promise<string[]> {
  await onServer(server, (c) => c.query('TRUNCATE mysql.general_log; SET GLOBAL general_log = ON'));
  const running = await begin();
  await acknowledge(running, 500);
  await running.stop();
  await onServer(server, (c) => c.query('SET GLOBAL general_log = OFF'));
  const rows = await query(
    `SELECT CONVERT(argument USING utf8mb4) AS statement FROM mysql.general_log
     WHERE command_type IN ('Query', 'Prepare') AND user_host LIKE 'app[app]%'`,
  );
  return rows.map((row) => String(row.statement));
}
