import { type DatabaseAddress, onServer } from '../databases/index.ts';
import { insertEveryTypeSql } from './everyType.ts';

/** What to seed. */
export interface SeedOptions {
  /** A MariaDB site; its rows reach the other one by replication. */
  readonly site: DatabaseAddress;
  readonly orgs: readonly number[];
  /** Rows of the smallest org over all tables, about; the largest has three times as many. */
  readonly rowsPerOrg: number;
  /** How many orgs (the first ones) get blobs of megabytes; the others' end at 64 KiB. Default 3. */
  readonly orgsWithLargeBlobs?: number;
}

/** Share of an org's rows in each table; the rest is EveryType's fixed set and the blobs. */
const SHARES = {
  CallLogs: 0.5,
  CdrTasks: 0.2,
  RecordingMetadata: 0.1,
  WholesaleCallCostCache: 0.12,
  CompositeUsage: 0.08,
};

/** How large the org at this place in the list is, as a factor of `rowsPerOrg`: 1 to 3, uneven, always the same. */
export function sizeFactor(index: number): number {
  return [1.4, 2.2, 1, 3, 1.2, 1.7, 1.1][index % 7] ?? 1;
}

/**
 * Fills BigDB with rows of the given orgs, edge values of every type included, and Toolbox with rows of nobody.
 * Server-side: tens of thousands of rows a second.
 * The call logs begin on 2020-01-01.
 */
export async function seedOrgs({ site, orgs, rowsPerOrg, orgsWithLargeBlobs = 3 }: SeedOptions): Promise<void> {
  await onServer(site, async (connection) => {
    await connection.query(`
      USE BigDB;
      INSERT INTO BigDB.Toolbox (Name, Value)
      SELECT CONCAT('tool-', seq), CONCAT('value ', MD5(seq)) FROM seq_1_to_50
      WHERE NOT EXISTS (SELECT 1 FROM BigDB.Toolbox)`);
    for (const [index, orgId] of orgs.entries()) {
      const total = Math.max(100, Math.round(rowsPerOrg * sizeFactor(index)));
      for (const statement of seedStatements(orgId, total, index < orgsWithLargeBlobs))
        await connection.query(statement);
    }
  });
}

function seedStatements(orgId: number, total: number, largeBlobs: boolean): string[] {
  const rows = (table: keyof typeof SHARES) => Math.round(total * SHARES[table]);
  // Every value is a function of org and row number.
  return [
    `INSERT INTO BigDB.CallLogs (OrgID, StartedAt, AnsweredAt, EndedAt, Direction, CallerNumber, CalleeNumber, CallerName,
       DurationMs, HangupCause, Codec, MosScore, SipCallId, Notes)
     SELECT ${orgId}, @start := '2020-01-01' + INTERVAL (seq * 7919 + seq * 0.000017) SECOND,
       IF(seq % 5 = 0, NULL, @start + INTERVAL 3.000451 SECOND), IF(seq % 11 = 0, NULL, @start + INTERVAL 61.5 SECOND),
       ELT(1 + seq % 3, 'in', 'out', 'internal'), CONCAT('+4420', LPAD(seq * 31 % 100000000, 8, '0')),
       CONCAT('+1212', LPAD(seq * 57 % 10000000, 7, '0')),
       CASE seq % 7 WHEN 0 THEN NULL WHEN 1 THEN 'Zoë Grüß' WHEN 2 THEN '山田太郎 😀' ELSE CONCAT('Caller ', seq) END,
       seq * 997 % 3600000, IF(seq % 13 = 0, NULL, seq % 128), ELT(1 + seq % 4, 'opus', 'PCMA', 'G722', NULL),
       IF(seq % 3 = 0, NULL, 1 + seq % 4000 / 1000), CONCAT(MD5(seq + ${orgId}), '@sip.example.org'),
       REPEAT(CONCAT('note ', seq, ' '), seq % 12)
     FROM seq_1_to_${rows('CallLogs')}`,
    `INSERT INTO BigDB.CdrTasks (OrgID, CdrRef, Status, Attempts, LastError, Payload, CreatedAt)
     SELECT ${orgId}, UNHEX(MD5(CONCAT('cdr', ${orgId}, '/', seq))), IF(seq % 10 = 0, 'failed', 'done'), 1 + seq % 3,
       IF(seq % 10 = 0, 'carrier said: “no such number” ☎️', NULL), CONCAT('{"call":', seq, ',"leg":"A"}'),
       '2023-05-01' + INTERVAL (seq * 61.000001) SECOND
     FROM seq_1_to_${rows('CdrTasks')}`,
    `INSERT INTO BigDB.RecordingMetadata (OrgID, Title, Details, SizeBytes, RecordedAt)
     SELECT ${orgId}, CONCAT(ELT(1 + seq % 3, 'Call', 'Besprechung', '会議 📞'), ' ', seq),
       IF(seq % 9 = 0, NULL, CONCAT('{"z": ', seq, ', "a":   [1, 2.5, null, "é😀"], "parties": [{"name": "Zoë"}, {}], "ok": true}')),
       seq * 4294967, '2022-01-01' + INTERVAL (seq * 3.125) SECOND
     FROM seq_1_to_${rows('RecordingMetadata')}`,
    `INSERT INTO BigDB.WholesaleCallCostCache (OrgID, CarrierID, Prefix, RatePerMinute, SetupCost, Currency, ValidFrom)
     SELECT ${orgId}, 1 + seq % 5, CONCAT('44', seq), seq * 0.00012345, IF(seq % 4 = 0, NULL, seq * 0.0001 - 1),
       ELT(1 + seq % 3, 'GBP', 'EUR', 'USD'), IF(seq % 50 = 0, '0000-00-00', '2024-01-01' + INTERVAL seq % 365 DAY)
     FROM seq_1_to_${rows('WholesaleCallCostCache')}`,
    `INSERT INTO BigDB.CompositeUsage (Feature, OrgID, UsageDate, Calls, Seconds)
     SELECT CONCAT(ELT(1 + seq % 4, 'voice', 'Fax & Co', 'Über-Call', 'video 🎥'), '/', seq % 20), ${orgId},
       '2024-01-01' + INTERVAL seq DIV 20 DAY, seq % 1000, CAST(seq AS SIGNED) * 37 - 5000
     FROM seq_1_to_${rows('CompositeUsage')}`,
    ...blobStatements(orgId, largeBlobs),
    insertEveryTypeSql(orgId),
  ];
}

/** NULL, nothing, one byte, both sides of 32 and 64 KiB (where LOBs get cut), and megabytes. */
function blobStatements(orgId: number, largeBlobs: boolean): string[] {
  const sizes = [
    1,
    255,
    256,
    10_000,
    32_768,
    32_769,
    65_535,
    65_536,
    ...(largeBlobs ? [300_000, 1_048_577, 2_600_000] : []),
  ];
  const rows = sizes.map((bytes) => {
    const block = `UNHEX(CONCAT(MD5('${orgId}-${bytes}'), '00FF', MD5('${bytes}')))`;
    return `(${orgId}, 'seed/${bytes}', 'application/octet-stream', LEFT(REPEAT(${block}, ${Math.ceil(bytes / 33)}), ${bytes}))`;
  });
  return [
    `INSERT INTO BigDB.ApplicationBlob (OrgID, BlobKey, ContentType, Content) VALUES
       (${orgId}, 'seed/null', 'none', NULL), (${orgId}, 'seed/empty', 'none', ''),
       (${orgId}, 'Seed/Case', 'text/plain', 'upper'), (${orgId}, 'seed/case', 'text/plain', 'lower'),
       (${orgId}, 'seed/😀', 'text/plain', '😀')`,
    ...rows.map((row) => `INSERT INTO BigDB.ApplicationBlob (OrgID, BlobKey, ContentType, Content) VALUES ${row}`),
  ];
}
