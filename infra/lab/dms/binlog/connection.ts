import type { Connection } from 'mysql2';
import { codeOf, messageOf, TaskError } from '../errors.ts';
import { close, connect, type DatabaseAddress, run, select } from '../sql/connect.ts';
import { troubleOf } from '../sql/errors.ts';
import type { BinlogPosition } from './position.ts';

/** The part of a driver's packet that the dump needs: a view into the network buffer. */
interface WirePacket {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  isEOF(): boolean;
  isError(): boolean;
  asError(encoding: string): Error;
}

interface WireConnection {
  readonly clientEncoding: string;
  _resetSequenceId(): void;
  writePacket(packet: unknown): void;
  addCommand(command: DumpCommand): void;
}

export type ServerFlavour = 'mariadb' | 'mysql';

/** How often a quiet server sends a heartbeat; it is also how soon it notices that nobody listens any more. */
const HEARTBEAT_SECONDS = 5;
const COM_BINLOG_DUMP = 0x12;

/** The driver's own command does not hand out raw events, so the dump is a command of ours. */
class DumpCommand {
  readonly #from: BinlogPosition;
  readonly #serverId: number;
  readonly #onEvent: (event: Buffer) => void;
  readonly #onEnd: (error: Error) => void;
  #started = false;

  constructor(from: BinlogPosition, serverId: number, onEvent: (event: Buffer) => void, onEnd: (error: Error) => void) {
    this.#from = from;
    this.#serverId = serverId;
    this.#onEvent = onEvent;
    this.#onEnd = onEnd;
  }

  /** Called by the driver: first without a packet, then once per packet; true ends the command. */
  execute(packet: WirePacket | null, connection: WireConnection): boolean {
    if (!this.#started) {
      this.#started = true;
      connection._resetSequenceId();
      connection.writePacket(this.#request());
      return false;
    }
    if (packet === null) return false;
    if (packet.isError()) {
      this.#onEnd(packet.asError(connection.clientEncoding));
      return true;
    }
    if (packet.isEOF()) {
      this.#onEnd(new Error('the server ended the binary log dump'));
      return true;
    }
    // Four bytes of packet header and the OK byte stand in front of the event.
    this.#onEvent(packet.buffer.subarray(packet.start + 5, packet.end));
    return false;
  }

  #request(): unknown {
    const file = Buffer.from(this.#from.file, 'utf8');
    const buffer = Buffer.alloc(4 + 11 + file.length);
    buffer[4] = COM_BINLOG_DUMP;
    buffer.writeUInt32LE(this.#from.offset, 5);
    buffer.writeUInt16LE(0, 9);
    buffer.writeUInt32LE(this.#serverId, 11);
    file.copy(buffer, 15);
    return {
      buffer,
      length: () => buffer.length,
      writeHeader: (sequenceId: number) => {
        buffer.writeUIntLE(buffer.length - 4, 0, 3);
        buffer[3] = sequenceId;
      },
    };
  }
}

export interface BinlogDump {
  readonly flavour: ServerFlavour;
  pause(): void;
  resume(): void;
  /** Ends it. The server is told, or its thread would go on until its next heartbeat finds nobody. */
  close(): Promise<void>;
}

/**
 * Opens the binary log at a position. Events come whole, header and checksum included;
 * `onChecksum` is told beforehand whether the first ones have one, later ones follow their file's format. `onEnd` is called once, when the
 * dump has ended for any reason but `close()`.
 */
export async function openBinlog(
  address: DatabaseAddress,
  from: BinlogPosition,
  onEvent: (event: Buffer) => void,
  onEnd: (error: TaskError) => void,
  onChecksum: (on: boolean) => void,
): Promise<BinlogDump> {
  let closed = false;
  const ended = (error: Error): void => {
    if (closed) return;
    closed = true;
    close(connection);
    onEnd(asTaskError(error));
  };
  const connection = await connect(address, ended);
  const flavour = await flavourOf(connection);
  await run(
    connection,
    flavour === 'mariadb'
      ? `SET @master_binlog_checksum=@@global.binlog_checksum, @mariadb_slave_capability=4, @master_heartbeat_period=${HEARTBEAT_SECONDS * 1e9}`
      : `SET @master_binlog_checksum=@@global.binlog_checksum, @source_binlog_checksum=@@global.binlog_checksum,
           @master_heartbeat_period=${HEARTBEAT_SECONDS * 1e9}, @source_heartbeat_period=${HEARTBEAT_SECONDS * 1e9}`,
  );
  const [checksum] = await select(connection, 'SELECT @master_binlog_checksum AS algorithm');
  onChecksum(checksum?.algorithm !== 'NONE');
  const serverId = 1_000_000_000 + Math.floor(Math.random() * 1_000_000_000);
  (connection as unknown as WireConnection).addCommand(new DumpCommand(from, serverId, onEvent, ended));
  return {
    flavour,
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    close: async () => {
      if (closed) return;
      closed = true;
      const { threadId } = connection;
      connection.destroy();
      await endThread(address, threadId);
    },
  };
}

async function endThread(address: DatabaseAddress, threadId: number): Promise<void> {
  try {
    const connection = await connect(address, () => undefined);
    await run(connection, `KILL ${threadId}`);
    close(connection);
  } catch (error) {
    // The thread may have noticed by itself, and a server that is away has no thread left.
    if (codeOf(error) === 'ER_NO_SUCH_THREAD' || troubleOf(error) === 'connection') return;
    console.error(`ending binary log thread ${threadId}: ${messageOf(error)}`);
  }
}

/** A position that the server no longer has, or never had, cannot be cured by trying again. */
function asTaskError(error: Error): TaskError {
  const fatal =
    codeOf(error) === 'ER_MASTER_FATAL_ERROR_READING_BINLOG' ||
    codeOf(error) === 'ER_SOURCE_FATAL_ERROR_READING_BINLOG' ||
    /\b1236\b/.test(messageOf(error)) ||
    ('errno' in error && error.errno === 1236);
  return new TaskError('BINLOG_READ', `reading the binary log: ${messageOf(error)}`, {
    recoverable: !fatal,
    cause: error,
  });
}

export async function flavourOf(connection: Connection): Promise<ServerFlavour> {
  const [row] = await select(connection, 'SELECT VERSION() AS version');
  return /mariadb/i.test(row?.version ?? '') ? 'mariadb' : 'mysql';
}

/** The end of the server's binary log, at this moment. */
export async function currentPosition(connection: Connection, flavour: ServerFlavour): Promise<BinlogPosition> {
  const rows = await statusRows(connection, flavour);
  const file = rows[0]?.File;
  const offset = rows[0]?.Position;
  if (!file || !offset) {
    throw new TaskError('BINLOG_OFF', 'the source has no binary log (log_bin is off)', { recoverable: false });
  }
  return { file, offset: Number(offset) };
}

async function statusRows(connection: Connection, flavour: ServerFlavour): Promise<Record<string, string | null>[]> {
  if (flavour === 'mariadb') return select(connection, 'SHOW MASTER STATUS');
  try {
    return await select(connection, 'SHOW BINARY LOG STATUS');
  } catch (error) {
    // MySQL before 8.2 knows the old name only.
    if (codeOf(error) !== 'ER_PARSE_ERROR') throw error;
    return select(connection, 'SHOW MASTER STATUS');
  }
}

/** The start of the oldest binary log that the server still has. */
export async function oldestPosition(connection: Connection): Promise<BinlogPosition> {
  const [row] = await select(connection, 'SHOW BINARY LOGS');
  if (!row?.Log_name) {
    throw new TaskError('BINLOG_OFF', 'the source has no binary log (log_bin is off)', { recoverable: false });
  }
  return { file: row.Log_name, offset: 4 };
}
