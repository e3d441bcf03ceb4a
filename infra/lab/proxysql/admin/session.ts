import type { Socket } from 'node:net';
import type { Runtime } from '../runtime.ts';
import { ClientHandshake, loginOk } from '../wire/clientHandshake.ts';
import { Capability, Command, ServerStatus } from '../wire/constants.ts';
import { PacketReader, writePackets } from '../wire/frames.ts';
import { errorPayload, okPayload, resultPayloads } from '../wire/replies.ts';
import type { AdminCommands } from './commands.ts';

/**
 * One client of the admin port: text protocol only. Commands are carried out as they are read from the socket, also
 * when their sender has closed it meanwhile.
 */
export function serveAdmin(runtime: Runtime, commands: AdminCommands, socket: Socket, shutDown: () => void): void {
  const reader = new PacketReader();
  let deprecateEof = false;
  let loggedIn = false;
  const reply = (payloads: readonly Buffer[], sequenceId = 1) => {
    if (!socket.destroyed && socket.writable) writePackets(socket, payloads, sequenceId);
  };
  const handshake = new ClientHandshake({
    serverVersion: runtime.variables.get('mysql-server_version'),
    connectionId: runtime.nextConnectionId(),
    clientAddress: socket.remoteAddress ?? '',
    storedPassword: (user) => adminPassword(runtime, user),
    write: (payload, sequenceId) => reply([payload], sequenceId),
    onLogin: (login, sequenceId) => {
      loggedIn = true;
      deprecateEof = (login.capabilities & Capability.DEPRECATE_EOF) !== 0;
      reply([loginOk()], sequenceId);
    },
    onRefused: () => socket.end(),
  });
  const command = (payload: Buffer) => {
    switch (payload[0]) {
      case Command.QUERY:
        query(payload.toString('utf8', 1));
        return;
      case Command.PING:
      case Command.INIT_DB:
        reply([okPayload()]);
        return;
      case Command.QUIT:
        socket.end();
        return;
      case Command.STMT_CLOSE:
        return;
      default:
        reply([errorPayload(1045, '28000', 'Command not supported')]);
    }
  };
  const query = (sql: string) => {
    try {
      const answer = commands.execute(sql);
      if (answer.kind === 'rows') reply(resultPayloads(answer.result, deprecateEof, ServerStatus.AUTOCOMMIT));
      else if (answer.kind === 'shutdown') shutDown();
      else reply([okPayload(answer.info === undefined ? { affectedRows: answer.affectedRows } : answer)]);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      reply([errorPayload(1045, '28000', `ProxySQL Admin Error: ${message}`)]);
    }
  };
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
  socket.on('data', (chunk) =>
    reader.push(chunk as Buffer, (payload, sequenceId) => {
      if (loggedIn) command(payload);
      else handshake.packet(payload, sequenceId);
    }),
  );
  handshake.greet();
}

/** The user `admin` is let in from loopback only, where this stand-in listens anyway. */
function adminPassword(runtime: Runtime, user: string): string | undefined {
  for (const pair of runtime.variables.get('admin-admin_credentials').split(';')) {
    const colon = pair.indexOf(':');
    if (colon !== -1 && pair.slice(0, colon) === user) return pair.slice(colon + 1);
  }
  return undefined;
}
