import type { Connection } from 'mysql2/promise';
import type { SimProcess } from '../../time/process.ts';
import { ClientConnection, type Directory } from '../client/connection.ts';
import { header, plainRows } from '../client/rows.ts';
import { SessionEnded } from '../server/sessionState.ts';
import { SqlError } from '../sqlError.ts';

/** A connection to a simulated server in the form of mysql2's, as far as the suites use it. */
export async function suiteConnection(
  directory: Directory,
  client: SimProcess,
  to: { readonly host: string; readonly port: number; readonly user: string; readonly database?: string },
): Promise<Connection> {
  const connection = await ClientConnection.open(directory, client, to);
  const query = async (sql: string, values?: readonly unknown[]) => {
    const result = await connection.query(sql, values);
    return [result.rows === null ? header(result) : plainRows(result), []];
  };
  const own = {
    threadId: connection.session.id,
    query,
    execute: query,
    destroy: () => connection.close(),
    end: async () => connection.close(),
  };
  return own as unknown as Connection;
}

/** True for what a real server answers, too. */
export function isServerError(error: unknown): boolean {
  return error instanceof SqlError || error instanceof SessionEnded;
}
