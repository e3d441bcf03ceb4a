import type { Socket } from 'node:net';
import { Capability, SHARED_CAPABILITIES } from '../wire/constants.ts';
import { frame, PacketReader } from '../wire/frames.ts';
import { lengthEncodedString, PayloadReader } from '../wire/lengthEncoded.ts';
import { cachingSha2Encrypted, cachingSha2Proof, nativeProof, type Secret } from '../wire/passwords.ts';
import { BackendLostError, BackendRefusedError } from './errors.ts';

export interface BackendLogin {
  readonly user: string;
  readonly secret: Secret;
  readonly collationId: number;
  /** Those of the client that the connection is opened for; see SHARED_CAPABILITIES. */
  readonly capabilities: number;
}

export interface BackendGreeting {
  readonly serverVersion: string;
  readonly threadId: number;
  readonly capabilities: number;
}

const BASE =
  Capability.LONG_PASSWORD |
  Capability.LONG_FLAG |
  Capability.PROTOCOL_41 |
  Capability.TRANSACTIONS |
  Capability.SECURE_CONNECTION |
  Capability.PLUGIN_AUTH |
  Capability.PLUGIN_AUTH_LENENC;

type Plugin = 'mysql_native_password' | 'caching_sha2_password';

/**
 * Logs a fresh socket in at a MariaDB or MySQL server, without TLS: a caching_sha2_password that is not in the server's
 * cache goes encrypted with the server's RSA key.
 */
export function logIn(socket: Socket, login: BackendLogin): Promise<BackendGreeting> {
  return new Promise((resolve, reject) => {
    const reader = new PacketReader();
    let greeting: BackendGreeting | undefined;
    let scramble: Buffer = Buffer.alloc(0);
    const send = (payload: Buffer, sequenceId: number) => socket.write(frame(payload, sequenceId));
    const finish = (error?: Error) => {
      socket.off('data', onData).off('close', onClose);
      if (error !== undefined) reject(error);
      else resolve(greeting as BackendGreeting);
    };
    const onClose = () => finish(new BackendLostError('the server closed the connection during the login'));
    const onPacket = (payload: Buffer, sequenceId: number) => {
      if (payload[0] === 0xff) return finish(refusal(payload));
      if (greeting === undefined) {
        const hello = parseGreeting(payload);
        greeting = hello.greeting;
        scramble = hello.scramble;
        const plugin = knownPlugin(hello.plugin) ?? 'mysql_native_password';
        send(answer(login, hello.greeting.capabilities, plugin, scramble), sequenceId + 1);
      } else if (payload[0] === 0x00) {
        finish();
      } else if (payload[0] === 0xfe) {
        const parts = new PayloadReader(payload, 1);
        const name = parts.nullTerminated().toString('latin1');
        const plugin = knownPlugin(name);
        if (plugin === undefined) return finish(new BackendLostError(`the server asks for the unknown plugin ${name}`));
        scramble = Buffer.from(parts.rest().subarray(0, 20));
        send(proof(plugin, login.secret, scramble), sequenceId + 1);
      } else if (payload[0] === 0x01) {
        // caching_sha2_password: 3 = known already, 4 = send the whole password, else the public key asked for.
        if (payload[1] === 0x03) return;
        if (payload[1] === 0x04) send(Buffer.from([0x02]), sequenceId + 1);
        else send(cachingSha2Encrypted(login.secret, scramble, payload.subarray(1)), sequenceId + 1);
      }
    };
    const onData = (chunk: Buffer) => {
      try {
        reader.push(chunk, onPacket);
      } catch (error) {
        finish(new BackendLostError('the server answered the login with what cannot be understood', error));
      }
    };
    socket.on('data', onData).on('close', onClose);
  });
}

function knownPlugin(name: string): Plugin | undefined {
  return name === 'mysql_native_password' || name === 'caching_sha2_password' ? name : undefined;
}

function proof(plugin: Plugin, secret: Secret, scramble: Buffer): Buffer {
  return plugin === 'mysql_native_password' ? nativeProof(secret, scramble) : cachingSha2Proof(secret, scramble);
}

function answer(login: BackendLogin, offered: number, plugin: Plugin, scramble: Buffer): Buffer {
  const fixed = Buffer.alloc(32);
  fixed.writeUInt32LE((BASE | (login.capabilities & SHARED_CAPABILITIES & offered)) >>> 0, 0);
  fixed.writeUInt32LE(0x40000000, 4);
  fixed[8] = login.collationId;
  return Buffer.concat([
    fixed,
    Buffer.from(`${login.user}\0`, 'utf8'),
    lengthEncodedString(proof(plugin, login.secret, scramble)),
    Buffer.from(`${plugin}\0`, 'latin1'),
  ]);
}

function parseGreeting(payload: Buffer): { greeting: BackendGreeting; plugin: string; scramble: Buffer } {
  const reader = new PayloadReader(payload, 1);
  const serverVersion = reader.nullTerminated().toString('latin1');
  const threadId = reader.uint32();
  const first = reader.bytes(8);
  reader.uint8();
  const low = reader.uint16();
  reader.uint8();
  reader.uint16();
  const capabilities = (low | (reader.uint16() << 16)) >>> 0;
  const length = reader.uint8();
  reader.bytes(10);
  const second = reader.bytes(Math.max(13, length - 8)).subarray(0, 12);
  const plugin = reader.nullTerminated().toString('latin1');
  // MariaDB hides its version behind a prefix that old replicas needed.
  const greeting = { serverVersion: serverVersion.replace(/^5\.5\.5-/, ''), threadId, capabilities };
  return { greeting, plugin, scramble: Buffer.concat([first, second]) };
}

export function refusal(payload: Buffer): BackendRefusedError {
  const hasState = payload[3] === 0x23;
  return new BackendRefusedError(
    payload.readUInt16LE(1),
    hasState ? payload.toString('latin1', 4, 9) : 'HY000',
    payload.toString('utf8', hasState ? 9 : 3),
  );
}
