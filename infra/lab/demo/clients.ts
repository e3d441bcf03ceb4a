import { createConnection } from 'mysql2/promise';
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
