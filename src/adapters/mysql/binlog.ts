import { z } from 'zod';
import { PlaceRefusedError } from '../../errors/index.ts';
import type { BinlogPosition } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { integer, text } from './rows.ts';

const statusRow = z.object({ File: text, Position: integer });
const gtidRow = z.object({ gtid: text });

/** Where the next event will be written. */
export function binlogPosition({ critical, key }: PlaceContext, signal?: AbortSignal): Promise<BinlogPosition> {
  const limits = { signal };
  return critical.use(
    'reading the binlog position',
    async (session) => {
      const { dialect } = session;
      const status = await session.row(statusRow, dialect.binlogStatus, [], limits);
      if (status === null)
        throw new PlaceRefusedError(key.name, dialect.binlogStatus, new Error('no binlog is written'));
      const gtid = await session.row(gtidRow, dialect.gtid, [], limits);
      // MySQL breaks long GTID sets into lines.
      return { file: status.File, position: status.Position, gtid: (gtid?.gtid ?? '').replaceAll('\n', '') };
    },
    limits,
  );
}

const xaRow = z.object({ formatID: integer, data: z.union([z.string(), z.instanceof(Buffer)]) });

/** Prepared XA transactions as `format:data`, with the data in hexadecimal: it may be any bytes. */
export function preparedXa({ critical }: PlaceContext, signal?: AbortSignal): Promise<readonly string[]> {
  const limits = { signal };
  return critical.use(
    'listing prepared XA transactions',
    async (session) => {
      const rows = await session.rows(xaRow, 'XA RECOVER', [], limits);
      return rows.map(({ formatID, data }) => `${formatID}:${Buffer.from(data).toString('hex')}`);
    },
    limits,
  );
}
