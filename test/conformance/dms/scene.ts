import type { Connection } from 'mysql2/promise';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import { Fixture } from './fixture.ts';
import { freshSchema } from './rows.ts';
import { ofOrg, type TableRule } from './rules.ts';
import type { Task } from './task.ts';

export const DB = 'repl';
const TABLE = `CREATE TABLE Calls (OrgID INT NOT NULL, id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, note VARCHAR(100),
  changed TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), KEY (OrgID))`;
const MARKS = 'CREATE TABLE Marks (OrgID INT NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (OrgID, seq))';

export const calls = (orgId = 42): TableRule => ({ schema: DB, table: 'Calls', filters: ofOrg(orgId) });
export const marks = (orgId = 42): TableRule => ({ schema: DB, table: 'Marks', filters: ofOrg(orgId) });

/** A fixture with two tables on both sides. */
export class Scene {
  readonly lab: Fixture;
  readonly site: Connection;
  /** A second session at the site. */
  readonly writer: Connection;
  readonly cluster: Connection;

  constructor(lab: Fixture, site: Connection, writer: Connection, cluster: Connection) {
    this.lab = lab;
    this.site = site;
    this.writer = writer;
    this.cluster = cluster;
  }

  static async start(): Promise<Scene> {
    const lab = await Fixture.start();
    const [site, writer, cluster] = [
      await lab.connect(lab.maria),
      await lab.connect(lab.maria),
      await lab.connect(lab.cluster),
    ];
    return new Scene(lab, site, writer, cluster);
  }

  async stop(): Promise<void> {
    await this.lab.stop();
  }

  /** Empty tables, no task left, no fault. */
  async reset(): Promise<void> {
    await this.lab.dms.faults.clear();
    await this.lab.removeTasks();
    await freshSchema([this.site, this.cluster], DB);
    await this.writer.query(`USE ${DB}`);
    for (const connection of [this.site, this.cluster]) await connection.query(`${TABLE}; ${MARKS}`);
  }

  /** All rows of an org with everything in them. */
  async rowsOf(connection: Connection, orgId = 42): Promise<unknown> {
    const [rows] = await connection.query('SELECT * FROM Calls WHERE OrgID = ? ORDER BY id', [orgId]);
    return rows;
  }

  /** Waits until the cluster holds what the site does. */
  async inStep(task: Task, orgId = 42): Promise<void> {
    await pollUntil('the queue to be empty', async () => {
      const state = (await this.lab.dms.faults.state()).tasks.find(({ arn }) => arn === task.arn);
      return state?.queued === 0;
    });
    const expected = JSON.stringify(await this.rowsOf(this.site, orgId));
    await pollUntil(
      'both sides to hold the same',
      async () => JSON.stringify(await this.rowsOf(this.cluster, orgId)) === expected,
    );
  }

  async seed(orgId: number, rows: number): Promise<void> {
    await this.site.query(`INSERT INTO Calls (OrgID, note) SELECT ?, CONCAT('seed ', seq) FROM seq_1_to_${rows}`, [
      orgId,
    ]);
  }
}
