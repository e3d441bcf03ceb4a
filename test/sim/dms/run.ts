import { ClientConnection } from '../mysql/client/connection.ts';
import type { BinlogEvent, RowChange } from '../mysql/server/binlog.ts';
import type { Value } from '../mysql/sql/value.ts';
import { seenBy } from '../mysql/storage/table.ts';
import type { MappedTable, Mapping } from './mapping.ts';
import type { Progress } from './progress.ts';
import type { Surroundings } from './surroundings.ts';
import { loadRows, RowConflict, readCheckpoint, troubleOf, writeTransaction } from './target.ts';

/** What one run of a task works on. */
export interface RunSpec {
  readonly arn: string;
  readonly source: string;
  readonly target: string;
  readonly mapping: Mapping;
  readonly progress: Progress;
  /** Whether a start after a failure goes on behind what the target has (TaskRecoveryTableEnabled). */
  readonly recoveryTable: boolean;
  lagMs(): number;
  /** False once the task was stopped, or ended otherwise. */
  going(): boolean;
}

/** Why a run has ended: `recoverable` is tried again by the task itself. */
export class RunEnded extends Error {
  readonly recoverable: boolean;
  readonly table: string | null;

  constructor(message: string, recoverable: boolean, table: string | null = null) {
    super(message);
    this.name = 'RunEnded';
    this.recoverable = recoverable;
    this.table = table;
  }
}

const BATCHES = 3;
const LOCK_RETRIES = 10;
/** After this much of the binlog without anything of the task, the checkpoint moves on. */
const REPORT_MS = 25;

/** Loads what is not loaded, then carries change by change. Comes back when it was stopped; throws `RunEnded` else. */
export async function run(spec: RunSpec, world: Surroundings): Promise<void> {
  let connection: ClientConnection | null = null;
  try {
    connection = await connect(spec, world);
    if (spec.recoveryTable) {
      const reached = await readCheckpoint(connection, spec.arn);
      if (reached !== null) spec.progress.next = Math.max(spec.progress.next, reached);
    }
    for (const table of spec.mapping.tables) {
      if (!spec.going()) return;
      if (!spec.progress.loaded.has(table.name)) await load(spec, world, connection, table);
    }
    if (!spec.going()) return;
    // What was changed up to here may be in the load already.
    if (spec.progress.overlapUntil === null) {
      spec.progress.overlapUntil = world.server(spec.source).core.binlog.events.length;
      spec.progress.loadEndedAtMs = world.process.clock.nowMs();
    }
    while (spec.going()) await carryNext(spec, world, connection);
  } catch (error) {
    if (!spec.going()) return;
    throw asEnd(error);
  } finally {
    connection?.close();
  }
}

function asEnd(error: unknown): unknown {
  if (error instanceof RunEnded) return error;
  if (error instanceof RowConflict) return new RunEnded(error.message, false);
  const trouble = troubleOf(error);
  if (trouble === null || !(error instanceof Error)) return error;
  return new RunEnded(error.message, trouble === 'connection' || trouble === 'retry');
}

async function connect({ target }: RunSpec, world: Surroundings): Promise<ClientConnection> {
  return world.within(ClientConnection.open(world, world.process, { host: target, port: 3306, user: 'dms' }));
}

/** Copies the rows of one moment. A source that goes away meanwhile leaves the rest out, without a word. */
async function load(
  spec: RunSpec,
  world: Surroundings,
  connection: ClientConnection,
  table: MappedTable,
): Promise<void> {
  const { scheduler, random } = world;
  const source = world.server(spec.source);
  await arrival(spec, world);
  if (!spec.going()) return;
  const again = spec.progress.begun.has(table.name);
  spec.progress.begun.add(table.name);
  const from = source.core.catalog.table(table.schema, table.table);
  const columns = from.columns.map(({ name }) => name);
  const now = source.core.transactions.now;
  const rows = from
    .rows()
    .map((row) => seenBy(row, null, now))
    .filter((values): values is readonly Value[] => values !== null && table.wants(columns, values));
  const { restarts } = source;
  const size = Math.max(1, Math.ceil(rows.length / BATCHES));
  for (let at = 0; at < rows.length; at += size) {
    await scheduler.sleep(random.between(5, 60));
    if (!spec.going()) return;
    if (source.restarts !== restarts || source.process.state === 'dead') break;
    const batch = rows.slice(at, at + size);
    try {
      await world.within(loadRows(connection, table.name, columns, batch));
    } catch (error) {
      if (troubleOf(error) !== 'conflict') throw error;
      if (!again) throw new RunEnded(`${table.name}: rows are there already`, false, table.name);
      for (const row of batch) await loadAgain(world, connection, table, columns, row);
    }
    spec.progress.loadedRows.set(table.name, Math.min(rows.length, at + size));
  }
  spec.progress.loaded.add(table.name);
}

/** A row of an interrupted load: it may be there. */
async function loadAgain(
  world: Surroundings,
  connection: ClientConnection,
  table: MappedTable,
  columns: readonly string[],
  row: readonly Value[],
): Promise<void> {
  try {
    await world.within(loadRows(connection, table.name, columns, [row]));
  } catch (error) {
    if (troubleOf(error) !== 'conflict') throw error;
  }
}

/** Applies the next transaction that has anything for the task; waits where there is none yet. */
async function carryNext(spec: RunSpec, world: Surroundings, connection: ClientConnection): Promise<void> {
  const { progress, mapping } = spec;
  const { events } = world.server(spec.source).core.binlog;
  const event = events[progress.next];
  if (event === undefined) {
    await world.newEvent(spec.source, REPORT_MS);
    return;
  }
  const rows = rowsFor(event, mapping, progress.errored);
  if (rows.length > 0) {
    await arrival(spec, world);
    await world.scheduler.sleep(world.random.between(0.5, 8) + spec.lagMs());
    if (!spec.going()) return;
    const mayBeLoaded = progress.next < (progress.overlapUntil ?? 0);
    await write(spec, world, connection, rows, mayBeLoaded);
  }
  progress.next += 1;
}

async function write(
  spec: RunSpec,
  world: Surroundings,
  connection: ClientConnection,
  rows: readonly RowChange[],
  mayBeLoaded: boolean,
): Promise<void> {
  const checkpoint = { taskArn: spec.arn, position: spec.progress.next + 1 };
  for (let attempt = 1; ; attempt += 1) {
    try {
      await world.within(writeTransaction(connection, rows, checkpoint, mayBeLoaded));
      return;
    } catch (error) {
      if (troubleOf(error) !== 'retry' || attempt === LOCK_RETRIES) throw error;
    }
  }
}

function rowsFor(event: BinlogEvent, mapping: Mapping, errored: ReadonlySet<string>): readonly RowChange[] {
  return event.rows.filter(({ schema, table, columns, before, after }) => {
    const mapped = mapping.table(schema, table);
    if (mapped === undefined || errored.has(mapped.name)) return false;
    return mapped.wants(columns, after ?? before ?? []);
  });
}

/** The way from the source, which has to be up. */
async function arrival(spec: RunSpec, world: Surroundings): Promise<void> {
  const source = world.server(spec.source);
  await world.within(new Promise<void>((resolve) => world.network.travel(source.name, world.process.name, resolve)));
  if (source.process.state === 'dead') throw new RunEnded(`the connection to ${source.name} is lost`, true);
  while (source.process.state === 'stopped') await world.scheduler.sleep(world.random.between(20, 100));
}
