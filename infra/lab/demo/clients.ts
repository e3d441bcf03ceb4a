import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { ScenarioError, type Stage } from './stage.ts';

/** A client of the org that has written and does not commit; the answer commits. */
export async function openTransaction(stage: Stage, orgId: number): Promise<() => Promise<void>> {
  const org = stage.lab.orgs.find((candidate) => candidate.orgId === orgId);
  const [proxy] = stage.lab.proxies;
  if (org === undefined || proxy === undefined) throw new ScenarioError(`the lab has no org ${orgId}`);
  const { host, port } = proxy;
  const client = await createConnection({ host, port, user: org.user, password: org.password, database: org.database });
  const annotation = stage.lab.routing === 'comment' ? `/* OrgID=${orgId} */ ` : '';
  await client.query(`${annotation}BEGIN`);
  await client.query(
    `${annotation}UPDATE RecordingMetadata SET SizeBytes = SizeBytes + 1 WHERE OrgID = ${orgId} ORDER BY RecordingID LIMIT 1`,
  );
  return async () => {
    try {
      await client.query(`${annotation}COMMIT`);
    } finally {
      client.destroy();
    }
  };
}

/** Resolves as soon as the first proxy holds the org's writes. */
export async function held(stage: Stage, orgId: number): Promise<void> {
  const [proxy] = stage.lab.proxies;
  if (proxy === undefined) throw new ScenarioError('the lab has no proxy');
  const { host, adminPort, adminUser, adminPassword } = proxy;
  const admin = await createConnection({ host, port: adminPort, user: adminUser, password: adminPassword });
  try {
    for (;;) {
      stage.signal.throwIfAborted();
      const [rows] = await admin.query<RowDataPacket[]>(
        `SELECT comment FROM runtime_mysql_query_rules WHERE comment LIKE 'bigdb-cutover org=${orgId} % state=held %'`,
      );
      if (rows.length > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    admin.destroy();
  }
}
