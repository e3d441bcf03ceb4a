import type { DatabaseAddress } from '../databases/index.ts';
import type { LabOrg } from './orgs.ts';
import { setUpServer } from './schema.ts';

/** Creates CoreDB's table of organisations, the platform's word on where an org's data must live, and fills it. */
export async function createCoreDb(server: DatabaseAddress, orgs: readonly LabOrg[]): Promise<void> {
  await setUpServer(server, async (connection) => {
    await connection.query(`
      CREATE DATABASE CoreDB CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci;
      CREATE TABLE CoreDB.Organisation (
        OrgID INT NOT NULL,
        Name VARCHAR(120) NOT NULL,
        HomeRegion VARCHAR(32) CHARACTER SET ascii COLLATE ascii_general_ci NULL,
        PRIMARY KEY (OrgID)
      ) ENGINE=InnoDB`);
    if (orgs.length === 0) return;
    await connection.query('INSERT INTO CoreDB.Organisation (OrgID, Name, HomeRegion) VALUES ?', [
      orgs.map(({ orgId, homeRegion }) => [orgId, `Organisation ${orgId}`, homeRegion]),
    ]);
  });
}
