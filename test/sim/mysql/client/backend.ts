import type { ConnectBackend } from '../../proxy/backend.ts';
import { ClientConnection, type Directory } from './connection.ts';
import { plainRows } from './rows.ts';

/** Connections of proxies, and of clients that go past them. */
export function backendsOf(directory: Directory): ConnectBackend {
  return async (from, { host, port }, user) => {
    const connection = await ClientConnection.open(directory, from, { host, port, user });
    return {
      get open() {
        return connection.open;
      },
      async query(sql) {
        const result = await connection.query(sql);
        const { affectedRows, inTransaction } = result;
        return { rows: plainRows(result), affectedRows, inTransaction };
      },
      close: () => connection.close(),
      onLost: (hear) => connection.onLost(() => hear()),
    };
  };
}
