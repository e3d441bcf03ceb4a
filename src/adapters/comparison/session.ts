import { z } from 'zod';
import type { ReadView } from '../../ports/place.ts';
import { SessionNotComparableError } from '../../verification/errors.ts';
import { cell, readRows } from './reply.ts';

const sessionRow = z.object({
  time_zone: cell,
  system_time_zone: cell,
  sql_mode: cell,
  results: cell,
  max_allowed_packet: cell,
});

/** Modes under which a value reads differently from what is stored, or a literal differently from what is written. */
const MISLEADING_MODES = ['PAD_CHAR_TO_FULL_LENGTH', 'EMPTY_STRING_IS_NULL', 'NO_ZERO_DATE', 'NO_ZERO_IN_DATE'];
/** Two and a half megabytes hold any row that InnoDB allows beside large values, in UTF-8; this is near the default's least. */
const LEAST_PACKET_BYTES = 4 * 1024 * 1024;
const UTC = new Set(['+00:00', '-00:00', 'UTC']);

/** Checks that the view's session shows values as the comparison expects; throws `SessionNotComparableError`. */
export async function checkSession(side: string, view: ReadView): Promise<void> {
  const [session] = await readRows(
    view,
    sessionRow,
    `SELECT @@session.time_zone AS time_zone, @@system_time_zone AS system_time_zone, @@session.sql_mode AS sql_mode,
       IFNULL(@@session.character_set_results, 'none') AS results, @@session.max_allowed_packet AS max_allowed_packet`,
  );
  if (session === undefined) throw new SessionNotComparableError(side, 'no session variables', 'none');
  const zone = session.time_zone === 'SYSTEM' ? session.system_time_zone : session.time_zone;
  // TIMESTAMP values are shown in the session's zone.
  if (!UTC.has(zone)) throw new SessionNotComparableError(side, 'time_zone', zone);
  const modes = session.sql_mode.split(',').filter((mode) => MISLEADING_MODES.includes(mode));
  if (modes.length > 0) throw new SessionNotComparableError(side, 'sql_mode', modes.join(','));
  if (session.results !== 'utf8mb4') {
    throw new SessionNotComparableError(side, 'character_set_results', session.results);
  }
  // What is longer than a packet turns into NULL, silently.
  if (Number(session.max_allowed_packet) < LEAST_PACKET_BYTES) {
    throw new SessionNotComparableError(side, 'max_allowed_packet', session.max_allowed_packet);
  }
}
