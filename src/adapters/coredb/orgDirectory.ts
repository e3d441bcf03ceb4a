import { z } from 'zod';
import {
  CutoverError,
  DirectoryUnavailableError,
  messageOf,
  NoHomeRegionError,
  UnknownOrgError,
} from '../../errors/index.ts';
import type { OrgDirectory } from '../../ports/directory.ts';
import { type PlaceMachine, THIS_MACHINE } from '../mysql/context.ts';
import { quoted, quotedTable } from '../mysql/identifiers.ts';
import { SessionPool } from '../mysql/pool.ts';
import { integer, nullableText } from '../mysql/rows.ts';
import type { Session } from '../mysql/session.ts';
import type { ConnectionTarget } from '../mysql/wire.ts';

/** Where CoreDB is, and what its table of orgs is called. */
export interface OrgDirectoryConfig extends ConnectionTarget {
  readonly schema?: string | undefined;
  readonly table?: string | undefined;
  readonly orgColumn?: string | undefined;
  readonly homeRegionColumn?: string | undefined;
}

const CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 3_000;
const QUERY_TIMEOUT_MS = 5_000;

const regionRow = z.object({ homeRegion: nullableText });
const orgRow = z.object({ orgId: integer, homeRegion: nullableText });

/**
 * Home regions from CoreDB, asked anew each time: an answer kept too long could send rows to the wrong region.
 *
 * @param clusters the home regions that a configured cluster serves
 */
export function createOrgDirectory(
  config: OrgDirectoryConfig,
  clusters: readonly string[],
  { clock, openWire }: Pick<PlaceMachine, 'clock' | 'openWire'> = THIS_MACHINE,
): OrgDirectory {
  const { schema = 'CoreDB', table = 'Organisation', orgColumn = 'OrgID', homeRegionColumn = 'HomeRegion' } = config;
  const pool = new SessionPool({
    clock,
    openWire,
    place: 'CoreDB',
    target: config,
    limit: CONNECTIONS,
    isolation: 'READ COMMITTED',
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    killer: null,
  });
  /** The region as it may be used: none where it is empty, or where no cluster serves it. */
  const served = (region: string | null) => (region !== null && clusters.includes(region) ? region : null);
  const statement = `SELECT ${quoted(homeRegionColumn)} AS homeRegion FROM ${quotedTable({ schema, table })}
    WHERE ${quoted(orgColumn)} = ?`;

  const ask = async <T>(action: string, work: (session: Session) => Promise<T>, signal?: AbortSignal): Promise<T> => {
    try {
      return await pool.use(action, work, { signal });
    } catch (error) {
      if (signal?.aborted && error === signal.reason) throw error;
      if (error instanceof UnknownOrgError || error instanceof NoHomeRegionError) throw error;
      const cause = error instanceof CutoverError ? (error.cause ?? error) : error;
      throw new DirectoryUnavailableError(`CoreDB: ${action} failed: ${messageOf(cause)}`, { cause });
    }
  };

  return {
    homeRegion: (orgId, signal) =>
      ask(
        'looking up a home region',
        async (session) => {
          const row = await session.row(regionRow, statement, [orgId], { signal });
          if (row === null) throw new UnknownOrgError(orgId);
          const region = row.homeRegion === null || row.homeRegion.trim() === '' ? null : row.homeRegion;
          if (region === null || !clusters.includes(region)) throw new NoHomeRegionError(orgId, region);
          return region;
        },
        signal,
      ),
    orgs: ({ homeRegion, orgIds, after, limit }, signal) =>
      ask(
        'listing orgs',
        async (session) => {
          const conditions = [`${quoted(orgColumn)} > ?`];
          const values: unknown[] = [after];
          if (homeRegion !== undefined) {
            conditions.push(`${quoted(homeRegionColumn)} = ?`);
            values.push(homeRegion);
          }
          if (orgIds !== undefined) {
            if (orgIds.length === 0) return [];
            conditions.push(`${quoted(orgColumn)} IN (${orgIds.map(() => '?').join(', ')})`);
            values.push(...orgIds);
          }
          const rows = await session.rows(
            orgRow,
            `SELECT ${quoted(orgColumn)} AS orgId, ${quoted(homeRegionColumn)} AS homeRegion
               FROM ${quotedTable({ schema, table })} WHERE ${conditions.join(' AND ')}
              ORDER BY ${quoted(orgColumn)} LIMIT ${Math.trunc(limit)}`,
            values,
            { signal },
          );
          return rows.map(({ orgId, homeRegion: region }) => ({ orgId, homeRegion: served(region) }));
        },
        signal,
      ),
    ping: () =>
      ask('asking for an answer', async (session) => {
        // The table itself: an account that may log in and not read would be of no use.
        await session.rows(regionRow, `${statement} LIMIT 1`, [0]);
      }),
    close: () => pool.close(),
  };
}
