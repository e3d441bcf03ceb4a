import type { RowDataPacket } from 'mysql2/promise';
import { type DatabaseServer, onServer } from '../../infra/lab/databases/index.ts';

/** A chunk that was summed up at a server. */
export interface LoggedChunk {
  readonly table: string;
  /** Lower bound of its first key column, as it stands in the statement; null where it begins at the first row. */
  readonly after: string | null;
}

/** What a server is asked, of that the chunks of comparisons. For as long as it is open, the server logs everything. */
export class ChunkLog {
  readonly #server: DatabaseServer;

  private constructor(server: DatabaseServer) {
    this.#server = server;
  }

  static async open(server: DatabaseServer): Promise<ChunkLog> {
    const log = new ChunkLog(server);
    await log.clear();
    await onServer(server, (c) => c.query("SET GLOBAL log_output = 'TABLE', GLOBAL general_log = ON"));
    return log;
  }

  async clear(): Promise<void> {
    await onServer(this.#server, (c) => c.query('TRUNCATE mysql.general_log'));
  }

  async close(): Promise<void> {
    await onServer(this.#server, (c) => c.query("SET GLOBAL general_log = OFF, GLOBAL log_output = 'FILE'"));
  }

  /** The org's chunks since the log was opened or cleared, in their order. */
  async chunks(orgId: number): Promise<LoggedChunk[]> {
    const statements = await this.#statements();
    return statements.flatMap((statement) => {
      const [, table, org, rest] = /^SELECT .*BIT_XOR\(.* FROM `BigDB`\.`(\w+)`.*? WHERE `OrgID` = (\d+)(.*)$/s.exec(
        statement,
      ) ?? [null, '', '', ''];
      if (Number(org) !== orgId) return [];
      return [{ table: table ?? '', after: /^ AND `\w+` >=? (\S+)/.exec(rest ?? '')?.[1] ?? null }];
    });
  }

  async #statements(): Promise<string[]> {
    return onServer(this.#server, async (connection) => {
      const [rows] = await connection.query<RowDataPacket[]>(
        `SELECT CONVERT(argument USING utf8mb4) AS statement FROM mysql.general_log
         WHERE command_type IN ('Query', 'Execute') ORDER BY event_time`,
      );
      return rows.map(({ statement }) => String(statement));
    });
  }
}
