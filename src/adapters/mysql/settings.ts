import { z } from 'zod';
import type { PlaceSettings } from '../../ports/settings.ts';
import type { PlaceContext } from './context.ts';
import { errorNumber } from './failures.ts';
import { integer, nullableText, text } from './rows.ts';
import type { Session } from './session.ts';

const modesRow = z.object({ sqlMode: text, isolation: text, collation: text, maxPacketBytes: integer });
const daysRow = z.object({ days: z.union([z.number(), z.string()]).transform(Number) });
const secondsRow = z.object({ seconds: integer });
const auroraRow = z.object({ hours: nullableText });
const versionRow = z.object({ version: text });
const domainsRow = z.object({ own: integer, position: text });
const nowRow = z.object({ now: text });

const secondsPerHour = 3_600;
const secondsPerDay = 86_400;

/** Reads variables only. */
export function settings({ bulk, machine }: PlaceContext): Promise<PlaceSettings> {
  return bulk.use('reading its settings', async (session) => {
    const mariadb = session.dialect.flavour === 'mariadb';
    const isolation = mariadb ? 'tx_isolation' : 'transaction_isolation';
    const modes = await session.row(
      modesRow,
      `SELECT @@GLOBAL.sql_mode AS sqlMode, @@GLOBAL.${isolation} AS isolation,
         @@GLOBAL.collation_server AS collation, @@GLOBAL.max_allowed_packet AS maxPacketBytes`,
    );
    return {
      sqlMode: (modes?.sqlMode ?? '').split(',').filter((mode) => mode !== ''),
      isolation: modes?.isolation ?? '',
      collation: modes?.collation ?? '',
      maxPacketBytes: modes?.maxPacketBytes ?? 0,
      binlogKeptS: mariadb ? await keptByMariaDb(session) : await keptByMySql(session),
      gtidDomains: mariadb ? await gtidDomains(session) : null,
      clock: await clockOf(session, machine.clock),
    };
  });
}

async function keptByMariaDb(session: Session): Promise<number | null> {
  const row = await session.row(daysRow, 'SELECT @@GLOBAL.expire_logs_days AS days');
  // Zero: nothing is ever purged by itself.
  return row === null || row.days === 0 ? null : Math.round(row.days * secondsPerDay);
}

async function keptByMySql(session: Session): Promise<PlaceSettings['binlogKeptS']> {
  const hours = await auroraHours(session);
  if (hours === 'unknown') return 'unknown';
  if (hours !== null) return hours * secondsPerHour;
  const row = await session.row(secondsRow, 'SELECT @@GLOBAL.binlog_expire_logs_seconds AS seconds');
  return row === null || row.seconds === 0 ? null : row.seconds;
}

const NO_SUCH_TABLE = 1146;
const UNKNOWN_VARIABLE = 1193;
const ACCESS_DENIED: readonly number[] = [1044, 1142];

/** On Aurora the retention is no variable but stands in a table; null where there is no such thing. */
async function auroraHours(session: Session): Promise<number | 'unknown' | null> {
  try {
    const row = await session.row(
      auroraRow,
      `SELECT value AS hours FROM mysql.rds_configuration WHERE name = 'binlog retention hours'`,
    );
    // No value: binlogs go as soon as nobody reads them.
    return row === null ? null : Number(row.hours ?? 0);
  } catch (error) {
    const number = errorNumber(error) ?? 0;
    if (number === NO_SUCH_TABLE) return null;
    // Who may read nothing there is refused alike whether the table is there or not.
    if (ACCESS_DENIED.includes(number)) return (await isAurora(session)) ? 'unknown' : null;
    throw error;
  }
}

async function isAurora(session: Session): Promise<boolean> {
  try {
    await session.row(versionRow, 'SELECT @@GLOBAL.aurora_version AS version');
    return true;
  } catch (error) {
    if (errorNumber(error) === UNKNOWN_VARIABLE) return false;
    throw error;
  }
}

async function gtidDomains(session: Session): Promise<PlaceSettings['gtidDomains']> {
  const row = await session.row(
    domainsRow,
    'SELECT @@GLOBAL.gtid_domain_id AS own, @@GLOBAL.gtid_binlog_pos AS position',
  );
  if (row === null) return null;
  const written = row.position
    .split(',')
    .filter((gtid) => gtid !== '')
    .map((gtid) => Number(gtid.split('-')[0]));
  return { own: row.own, written: [...new Set(written)] };
}

async function clockOf(session: Session, clock: PlaceContext['machine']['clock']): Promise<PlaceSettings['clock']> {
  const before = clock.monotonicMs();
  const row = await session.row(nowRow, 'SELECT CAST(UTC_TIMESTAMP(6) AS CHAR) AS now');
  const tookMs = clock.monotonicMs() - before;
  const theirsMs = Date.parse(`${(row?.now ?? '').replace(' ', 'T')}Z`);
  // The server looked at its clock somewhere between question and answer.
  return { aheadMs: theirsMs - (clock.nowMs() - tookMs / 2), withinMs: tookMs / 2 };
}
