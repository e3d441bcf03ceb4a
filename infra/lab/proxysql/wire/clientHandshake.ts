import { randomBytes } from 'node:crypto';
import { Capability, ServerStatus } from './constants.ts';
import { PayloadReader } from './lengthEncoded.ts';
import { checkNativeProof, type Secret } from './passwords.ts';
import { errorPayload, okPayload } from './replies.ts';

/** Who logged in, and what was agreed on. */
export interface ClientLogin {
  readonly user: string;
  /** Empty when the client named none. */
  readonly database: string;
  /** Id of the collation that the client asked for. */
  readonly collationId: number;
  readonly capabilities: number;
  readonly secret: Secret;
}

export interface HandshakeOptions {
  readonly serverVersion: string;
  readonly connectionId: number;
  readonly clientAddress: string;
  /** Password of a user as it is stored, or undefined for an unknown user. */
  storedPassword(user: string): string | undefined;
  write(payload: Buffer, sequenceId: number): void;
  /** Called once, with the sequence id that an answer to the login has to carry. */
  onLogin(login: ClientLogin, sequenceId: number): void;
  onRefused(): void;
}

const OFFERED =
  Capability.LONG_PASSWORD |
  Capability.FOUND_ROWS |
  Capability.LONG_FLAG |
  Capability.CONNECT_WITH_DB |
  Capability.IGNORE_SPACE |
  Capability.PROTOCOL_41 |
  Capability.TRANSACTIONS |
  Capability.SECURE_CONNECTION |
  Capability.MULTI_STATEMENTS |
  Capability.MULTI_RESULTS |
  Capability.PS_MULTI_RESULTS |
  Capability.PLUGIN_AUTH |
  Capability.CONNECT_ATTRS |
  Capability.PLUGIN_AUTH_LENENC |
  Capability.DEPRECATE_EOF;

const NATIVE = 'mysql_native_password';
const UTF8_GENERAL_CI = 33;

interface Claim {
  readonly user: string;
  readonly database: string;
  readonly collationId: number;
  readonly capabilities: number;
}

/** The server's side of a login with mysql_native_password: greeting, answer, and the switch of other clients to it. */
export class ClientHandshake {
  readonly #options: HandshakeOptions;
  readonly #scramble = newScramble();
  #capabilities = 0;
  #claim: Claim | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  greet(): void {
    const { serverVersion, connectionId, write } = this.#options;
    const fixed = Buffer.alloc(4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10);
    fixed.writeUInt32LE(connectionId, 0);
    this.#scramble.copy(fixed, 4, 0, 8);
    fixed.writeUInt16LE(OFFERED & 0xffff, 13);
    fixed[15] = UTF8_GENERAL_CI;
    fixed.writeUInt16LE(ServerStatus.AUTOCOMMIT, 16);
    fixed.writeUInt16LE(OFFERED >>> 16, 18);
    fixed[20] = this.#scramble.length + 1;
    const version = Buffer.from(`\x0a${serverVersion}\0`, 'latin1');
    write(Buffer.concat([version, fixed, this.#scramble.subarray(8), Buffer.from(`\0${NATIVE}\0`, 'latin1')]), 0);
  }

  /** A packet that came before the login was done. */
  packet(payload: Buffer, sequenceId: number): void {
    if (this.#claim === undefined) this.#firstAnswer(payload, sequenceId);
    else this.#verify(this.#claim, payload, sequenceId);
  }

  /** A COM_CHANGE_USER of a client that is logged in already. */
  changeUser(payload: Buffer, sequenceId: number): void {
    const reader = new PayloadReader(payload, 1);
    const user = reader.nullTerminated().toString('utf8');
    const proof = reader.bytes(reader.uint8());
    const database = reader.nullTerminated().toString('utf8');
    const collationId = reader.left >= 2 ? reader.uint16() : UTF8_GENERAL_CI;
    const plugin = reader.left > 0 ? reader.nullTerminated().toString('latin1') : NATIVE;
    this.#claim = { user, database, collationId, capabilities: this.#capabilities };
    this.#proofOrSwitch(this.#claim, proof, plugin, sequenceId);
  }

  #firstAnswer(payload: Buffer, sequenceId: number): void {
    const reader = new PayloadReader(payload);
    const capabilities = reader.uint32() & OFFERED;
    reader.uint32();
    const collationId = reader.uint8();
    reader.bytes(23);
    const user = reader.nullTerminated().toString('utf8');
    const proof =
      (capabilities & Capability.PLUGIN_AUTH_LENENC) === 0 ? reader.bytes(reader.uint8()) : reader.lengthEncodedBytes();
    const database = (capabilities & Capability.CONNECT_WITH_DB) === 0 ? '' : reader.nullTerminated().toString('utf8');
    const plugin =
      (capabilities & Capability.PLUGIN_AUTH) === 0 || reader.left === 0
        ? NATIVE
        : reader.nullTerminated().toString('latin1');
    this.#capabilities = capabilities;
    this.#claim = { user, database, collationId, capabilities };
    this.#proofOrSwitch(this.#claim, proof, plugin, sequenceId);
  }

  #proofOrSwitch(claim: Claim, proof: Buffer, plugin: string, sequenceId: number): void {
    if (plugin === NATIVE || proof.length === 0) {
      this.#verify(claim, proof, sequenceId);
      return;
    }
    const request = Buffer.concat([Buffer.from(`\xfe${NATIVE}\0`, 'latin1'), this.#scramble, Buffer.from([0])]);
    this.#options.write(request, sequenceId + 1);
  }

  #verify(claim: Claim, proof: Buffer, sequenceId: number): void {
    const stored = this.#options.storedPassword(claim.user);
    const secret = stored === undefined ? undefined : checkNativeProof(stored, proof, this.#scramble);
    if (secret === undefined) {
      const using = proof.length === 0 ? 'NO' : 'YES';
      const message = `ProxySQL Error: Access denied for user '${claim.user}'@'${this.#options.clientAddress}' (using password: ${using})`;
      this.#options.write(errorPayload(1045, '28000', message), sequenceId + 1);
      this.#options.onRefused();
      return;
    }
    this.#options.onLogin({ ...claim, secret }, sequenceId + 1);
  }
}

/** The usual end of a login. */
export function loginOk(): Buffer {
  return okPayload({ status: ServerStatus.AUTOCOMMIT });
}

// A scramble may hold no zero byte: clients take it for the end.
function newScramble(): Buffer {
  return Buffer.from(randomBytes(20).map((byte) => (byte % 127) + 1));
}
