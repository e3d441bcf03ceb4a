import type { Connection, TypeCastField } from 'mysql2';
import { cutText } from '../binlog/values.ts';
import { messageOf, TableError, TaskError } from '../errors.ts';
import type { RowFilter } from '../mapping/filter.ts';
import type { TaskSettings } from '../settings/settings.ts';
import type { Column } from '../sql/columns.ts';
import { close, connect, type DatabaseAddress, quoteName, quoteTable, run, select } from '../sql/connect.ts';
import { troubleOf } from '../sql/errors.ts';
import { binaryLiteral, bitLiteral, isZeroDate, quoteText } from '../sql/literals.ts';
import type { TableStatistics } from './statistics.ts';
import { openTarget, type TargetAddress } from './target.ts';
import type { WriteOptions, WritePlan } from './writePlan.ts';

export interface TableLoad {
  readonly source: DatabaseAddress;
  readonly target: TargetAddress;
  readonly plan: WritePlan;
  readonly filter: RowFilter;
  readonly statistics: TableStatistics;
  readonly settings: TaskSettings;
  readonly options: WriteOptions;
  /** An earlier, interrupted load of this task may have brought some of the rows. */
  readonly again: boolean;
  readonly signal: AbortSignal;
  log(message: string): void;
}

const ROWS_PER_BATCH = 500;
const CHARACTERS_PER_BATCH = 256 * 1024;
const BATCHES_IN_FLIGHT = 2;
const LOCK_RETRIES = 10;

/** Copies the rows of one table that the filter lets through. */
export async function loadTable(load: TableLoad): Promise<void> {
  let sourceLost: Error | null = null;
  const source = await connect(load.source, (error) => {
    sourceLost = error;
  });
  let targetLost: Error | null = null;
  const abort = (): void => source.destroy();
  load.signal.addEventListener('abort', abort);
  try {
    await run(source, "SET SESSION time_zone = '+00:00', sql_mode = '', net_write_timeout = 600");
    const { connection: target } = await openTarget(load.target, (error) => {
      targetLost = error;
    });
    try {
      load.statistics.expectedRows = await expectedRows(source, load);
      await copyRows(source, target, load);
      if (targetLost !== null) throw lost('target', targetLost);
      if (sourceLost !== null)
        load.log(`${load.statistics.name}: the source went away during full load: ${messageOf(sourceLost)}`);
    } finally {
      close(target);
    }
  } finally {
    load.signal.removeEventListener('abort', abort);
    close(source);
  }
}

function lost(side: string, error: unknown): TaskError {
  return new TaskError('LOAD_CONNECTION', `full load lost the ${side}: ${messageOf(error)}`, {
    recoverable: true,
    cause: error,
  });
}

function copyRows(source: Connection, target: Connection, load: TableLoad): Promise<void> {
  let stopListening = (): void => undefined;
  return new Promise<void>((resolve, reject) => {
    let rows: string[] = [];
    let size = 0;
    let inFlight = 0;
    let ended = false;
    let failed = false;
    let writing: Promise<void> = Promise.resolve();
    const fail = (error: unknown): void => {
      if (failed) return;
      failed = true;
      source.destroy();
      reject(error);
    };
    const flush = (): void => {
      if (rows.length === 0 || failed) return;
      const batch = rows;
      rows = [];
      size = 0;
      inFlight += 1;
      if (inFlight >= BATCHES_IN_FLIGHT) source.pause();
      writing = writing.then(() => writeBatch(target, batch, load));
      writing.then(() => {
        inFlight -= 1;
        if (!ended && inFlight < BATCHES_IN_FLIGHT) source.resume();
      }, fail);
    };
    const finish = (): void => {
      if (ended) return;
      ended = true;
      flush();
      writing.then(() => resolve(), fail);
    };
    const query = source.query({ sql: selectSql(load), rowsAsArray: true, typeCast: literalCast(load) });
    query.on('result', (row: unknown) => {
      if (failed || ended) return;
      const values = `(${(row as string[]).join(',')})`;
      rows.push(values);
      size += values.length;
      if (rows.length >= ROWS_PER_BATCH || size >= CHARACTERS_PER_BATCH) flush();
    });
    query.on('error', (error: Error) => {
      if (load.signal.aborted) fail(error);
      // The service takes a source that goes away for the end of the table: the load "succeeds" and rows are missing.
      else if (troubleOf(error) === 'connection') finish();
      else fail(new TableError('LOAD_READ', `reading ${load.statistics.name}: ${messageOf(error)}`, error));
    });
    query.on('end', finish);
    source.on('error', (error) => (load.signal.aborted ? fail(error) : finish()));
    const abort = (): void => fail(new Error('the task was stopped'));
    load.signal.addEventListener('abort', abort, { once: true });
    stopListening = () => load.signal.removeEventListener('abort', abort);
  }).finally(() => stopListening());
}

function selectSql(load: TableLoad): string {
  const { plan, filter } = load;
  // FLOAT is printed with six digits; as a DOUBLE it keeps all of them.
  const columns = plan.columns.map(({ column }) =>
    column.dataType === 'float' ? `${quoteName(column.name)}+0e0` : quoteName(column.name),
  );
  const where = filter.toSql();
  const from = quoteTable(plan.source.schema, plan.source.name);
  return `SELECT ${columns.join(',')} FROM ${from}${where === '' ? '' : ` WHERE ${where}`}`;
}

/** Turns each value into SQL as it comes off the wire; the columns come in the order of the SELECT. */
function literalCast(load: TableLoad): (field: TypeCastField) => string {
  const columns = load.plan.columns.map(({ column }) => column);
  let next = 0;
  return (field) => {
    const column = columns[next];
    next = next + 1 === columns.length ? 0 : next + 1;
    const bytes = field.buffer();
    return column === undefined || bytes === null ? 'NULL' : toLiteral(bytes, column, load.options);
  };
}

function toLiteral(bytes: Buffer, column: Column, options: WriteOptions): string {
  switch (column.kind) {
    case 'integer':
      return column.dataType === 'year' ? `'${bytes.toString('latin1')}'` : bytes.toString('latin1');
    case 'decimal':
    case 'float':
      return bytes.toString('latin1');
    case 'bit':
      return bitLiteral(bytes);
    case 'temporal': {
      const text = bytes.toString('latin1');
      return !options.zeroDates && isZeroDate(text) ? 'NULL' : `'${text}'`;
    }
    case 'binary':
      return binaryLiteral(column.lob ? bytes.subarray(0, options.lobLimitBytes) : bytes);
    default: {
      const cut = column.lob && bytes.length > options.lobLimitBytes;
      return quoteText((cut ? cutText(bytes, options.lobLimitBytes) : bytes).toString('utf8'));
    }
  }
}

/** The optimiser's guess; it feeds the progress and nothing else. */
async function expectedRows(source: Connection, load: TableLoad): Promise<number> {
  const plan = await select(source, `EXPLAIN ${selectSql(load)}`);
  return Number(plan[0]?.rows ?? 0) || 0;
}

async function writeBatch(target: Connection, batch: readonly string[], load: TableLoad): Promise<void> {
  if (load.signal.aborted) return;
  try {
    await insert(target, batch, load);
    load.statistics.fullLoadRows += batch.length;
    load.statistics.touch();
  } catch (error) {
    if (troubleOf(error) === 'connection') throw lost('target', error);
    for (const row of batch) await writeRow(target, row, load);
  }
}

async function insert(target: Connection, rows: readonly string[], load: TableLoad): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await run(target, load.plan.insertHead + rows.join(','));
      return;
    } catch (error) {
      if (troubleOf(error) !== 'retry' || attempt === LOCK_RETRIES) throw error;
    }
  }
}

async function writeRow(target: Connection, row: string, load: TableLoad): Promise<void> {
  try {
    await insert(target, [row], load);
  } catch (error) {
    const trouble = troubleOf(error);
    if (trouble === 'connection' || trouble === 'retry') throw lost('target', error);
    const behavior = load.settings.ErrorBehavior;
    if (trouble === 'table') throw new TableError('LOAD_WRITE', messageOf(error), error);
    if (!(trouble === 'conflict' && load.again)) {
      const policy = trouble === 'truncation' ? behavior.DataTruncationErrorPolicy : behavior.DataErrorPolicy;
      rowError(policy, `full load of ${load.statistics.name}: ${messageOf(error)}`, load);
      return;
    }
  }
  load.statistics.fullLoadRows += 1;
  load.statistics.touch();
}

function rowError(policy: string, message: string, load: TableLoad): void {
  const { statistics, settings } = load;
  if (policy === 'STOP_TASK') throw new TaskError('LOAD_ROW', message, { recoverable: false });
  if (policy === 'SUSPEND_TABLE') throw new TableError('LOAD_ROW', message);
  statistics.fullLoadErrorRows += 1;
  if (policy === 'LOG_ERROR') load.log(message);
  const limit = settings.ErrorBehavior.DataErrorEscalationCount;
  if (limit > 0 && statistics.fullLoadErrorRows >= limit) {
    rowErrorEscalated(settings.ErrorBehavior.DataErrorEscalationPolicy, message);
  }
}

function rowErrorEscalated(policy: string, message: string): never {
  if (policy === 'STOP_TASK') throw new TaskError('LOAD_ROW', message, { recoverable: false });
  throw new TableError('LOAD_ROW', message);
}
