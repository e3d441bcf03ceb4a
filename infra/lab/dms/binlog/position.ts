/** A place in a server's binary log: always the end of a transaction. */
export interface BinlogPosition {
  readonly file: string;
  readonly offset: number;
}

const NATIVE = /^([A-Za-z0-9_./-]+\.\d{6,}):(\d+)$/;
const CHECKPOINT = /^checkpoint:V1#\d+#([A-Za-z0-9_./-]+\.\d{6,}):(\d+):/;

/** The number behind the last dot of a binary log's name. */
function sequenceOf(file: string): number {
  return Number(file.slice(file.lastIndexOf('.') + 1));
}

/** Negative when `a` comes first. */
export function comparePositions(a: BinlogPosition, b: BinlogPosition): number {
  return a.file === b.file ? a.offset - b.offset : sequenceOf(a.file) - sequenceOf(b.file);
}

/** `mysql-bin-changelog.000024:373`. */
export function formatPosition(position: BinlogPosition): string {
  return `${position.file}:${position.offset}`;
}

/** Reads a native position or a checkpoint string; null when it is neither. */
export function parsePosition(text: string): BinlogPosition | null {
  const match = NATIVE.exec(text) ?? CHECKPOINT.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return null;
  return { file: match[1], offset: Number(match[2]) };
}

/** The checkpoint string that DescribeReplicationTasks shows and StartReplicationTask takes. */
export function formatCheckpoint(position: BinlogPosition, sequence: number): string {
  const place = formatPosition(position);
  return `checkpoint:V1#${sequence}#${place}:-1:${position.offset}:${sequence}:${place}#0#0#*#0#0`;
}
