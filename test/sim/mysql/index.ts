/**
 * Simulated MariaDB and MySQL servers in virtual time.
 *
 * A server carries out the SQL text that the adapters send: `sql/` reads it, `evaluate/` makes it ready for the tables,
 * `storage/` keeps rows in states, `server/` has sessions, transactions and the binlog. What it does not know is a fault
 * of the simulation and ends the run. `conformance/` holds it to the suites of real servers.
 *
 * - As on InnoDB: row locks (shared, exclusive, first come first served, deadlocks, time-outs), READ COMMITTED and
 *   REPEATABLE READ with views, waiting for undecided unique keys, triggers run from their text, GET_LOCK, XA, KILL,
 *   statements that go on after their client has gone, a binlog of full rows with GTIDs.
 * - Not as on InnoDB: gaps are not locked, and rows that a statement looked at and did not match neither; a definition of
 *   the schema waits for nobody; text is compared by its bytes; the server takes no time for what it does.
 */
export { backendsOf } from './client/backend.ts';
export { ClientConnection, type Directory } from './client/connection.ts';
export { storePoolsOf } from './client/storePool.ts';
export { wiresOf } from './client/wire.ts';
export { Replica, type ReplicaOptions } from './replication/replica.ts';
export type { BinlogEvent, RowChange } from './server/binlog.ts';
export { SimServer, type SimServerOptions } from './simServer.ts';
