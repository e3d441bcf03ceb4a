import { crc32 } from 'node:zlib';
import { born, changed, differs, firstProblem, gone, type TableKind } from './kind.ts';

/** Blobs of 0 to 8 KB, now and then of 200 KB; compared by length and CRC-32, so that they need not travel. */
export const applicationBlob: TableKind = {
  name: 'ApplicationBlob',
  insert({ orgId, writeId, prepared }) {
    const key = `w/${writeId}`;
    return {
      table: this,
      key,
      after: born(writeId),
      statement: {
        sql: 'INSERT INTO ApplicationBlob (OrgID, BlobKey, ContentType, Content, WriteId) VALUES (?, ?, ?, ?, ?)',
        values: [orgId, key, 'application/x-lab', content(writeId), writeId],
        prepared,
      },
    };
  },
  update({ orgId, writeId, key, before, prepared }) {
    return {
      table: this,
      key,
      after: changed(before, writeId),
      statement: {
        sql: 'UPDATE ApplicationBlob SET Content = ?, WriteId = ?, WriteSide = DEFAULT WHERE OrgID = ? AND BlobKey = ?',
        values: [content(writeId), writeId, orgId, key],
        prepared,
      },
    };
  },
  remove({ orgId, writeId, key, before, prepared }) {
    return {
      table: this,
      key,
      after: gone(before, writeId),
      statement: { sql: 'DELETE FROM ApplicationBlob WHERE OrgID = ? AND BlobKey = ?', values: [orgId, key], prepared },
    };
  },
  checkColumns: 'BlobKey, LENGTH(Content) AS bytes, CRC32(Content) AS crc',
  keyOf: (row) => String(row.BlobKey),
  problem: (row, { writeId }) => {
    const expected = content(writeId);
    return firstProblem(
      differs('length of Content', Number(row.bytes), expected.length),
      differs('CRC-32 of Content', Number(row.crc), crc32(expected)),
    );
  },
};

function content(writeId: number): Buffer {
  const size = writeId % 251 === 0 ? 200_000 + (writeId % 1000) : (writeId * 31) % 8192;
  const pattern = Buffer.from(`${writeId}\0\xff'"\\\n`, 'latin1');
  return Buffer.alloc(size, pattern);
}
