import type { BackendConnection } from './connection.ts';

export type ServerStatusName = 'ONLINE' | 'SHUNNED' | 'OFFLINE_SOFT' | 'OFFLINE_HARD';

/** A row of mysql_servers, as its columns are named. */
export interface ServerRow {
  readonly hostgroup_id: number;
  readonly hostname: string;
  readonly port: number;
  readonly gtid_port: number;
  readonly status: string;
  readonly weight: number;
  readonly compression: number;
  readonly max_connections: number;
  readonly max_replication_lag: number;
  readonly use_ssl: number;
  readonly max_latency_ms: number;
  readonly comment: string;
}

/** A database server as a member of one hostgroup, with its connections. */
export class Server {
  readonly hostgroup: number;
  readonly host: string;
  readonly port: number;
  row: ServerRow;
  status: ServerStatusName = 'ONLINE';
  /** Connections held by sessions. */
  readonly used = new Set<BackendConnection>();
  /** Connections in the pool, the one used last at the end. */
  readonly free: BackendConnection[] = [];
  /** Connections being opened: they count against max_connections. */
  opening = 0;
  connectionsOpened = 0;
  connectErrors = 0;
  maxUsed = 0;
  queries = 0;
  bytesSent = 0;
  bytesReceived = 0;
  /** For the shunning of a server that fails: errors within the current second. */
  errorsThisSecond = 0;
  lastErrorSecond = 0;

  constructor(row: ServerRow) {
    this.hostgroup = row.hostgroup_id;
    this.host = row.hostname;
    this.port = row.port;
    this.row = row;
  }

  get connections(): number {
    return this.used.size + this.free.length + this.opening;
  }

  /** A closed connection does not count any more. */
  forget(connection: BackendConnection): void {
    this.used.delete(connection);
    const index = this.free.indexOf(connection);
    if (index !== -1) this.free.splice(index, 1);
  }
}
