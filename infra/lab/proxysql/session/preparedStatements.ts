import { digestOf, type QueryDigest } from '../rules/digest.ts';

/** A statement that was prepared once at some backend; all sessions with the same text share it. */
export interface GlobalStatement {
  readonly id: number;
  readonly user: string;
  readonly schema: string;
  /** One character a byte. */
  readonly sql: string;
  readonly digest: QueryDigest;
  /** The backend's whole response, frames included: the answer to the next client that prepares it. */
  readonly response: Buffer;
  readonly numParams: number;
  readonly numColumns: number;
  clients: number;
}

const MAX_STATEMENTS = 10_000;

/** What was prepared through this proxy, by user, schema, text and kind of response. */
export class StatementCache {
  readonly #byKey = new Map<string, GlobalStatement>();
  #lastId = 0;

  find(user: string, schema: string, sql: string, capabilities: number): GlobalStatement | undefined {
    return this.#byKey.get(key(user, schema, sql, capabilities));
  }

  add(
    from: Pick<GlobalStatement, 'user' | 'schema' | 'sql' | 'response' | 'numParams' | 'numColumns'>,
    capabilities: number,
  ): GlobalStatement {
    const statement: GlobalStatement = { ...from, id: ++this.#lastId, digest: digestOf(from.sql), clients: 0 };
    if (this.#byKey.size >= MAX_STATEMENTS) this.#dropUnused();
    this.#byKey.set(key(from.user, from.schema, from.sql, capabilities), statement);
    return statement;
  }

  values(): IterableIterator<GlobalStatement> {
    return this.#byKey.values();
  }

  #dropUnused(): void {
    for (const [name, statement] of this.#byKey) if (statement.clients === 0) this.#byKey.delete(name);
  }
}

const key = (user: string, schema: string, sql: string, capabilities: number) =>
  `${user}\0${schema}\0${capabilities}\0${sql}`;

/** A client's handle on a statement, with what it sent ahead of the execution. */
export class ClientStatement {
  readonly id: number;
  readonly global: GlobalStatement;
  /** Types of the parameters as bound last; a client may leave them out afterwards. */
  #types: Buffer | undefined;
  /** Parts of COM_STMT_SEND_LONG_DATA: parameter number and bytes, as received. */
  #longData: Buffer[] = [];

  constructor(id: number, global: GlobalStatement) {
    this.id = id;
    this.global = global;
  }

  /** The response to COM_STMT_PREPARE with this client's id in it. */
  prepareResponse(): Buffer {
    const response = Buffer.from(this.global.response);
    response.writeUInt32LE(this.id, 5);
    return response;
  }

  addLongData(payload: Buffer): void {
    this.#longData.push(Buffer.from(payload));
  }

  reset(): void {
    this.#longData = [];
  }

  /** Long data for the backend, under the statement's id there; forgotten after the execution by `reset`. */
  longDataPayloads(backendId: number): Buffer[] {
    return this.#longData.map((payload) => {
      const copy = Buffer.from(payload);
      copy.writeUInt32LE(backendId, 1);
      return copy;
    });
  }

  /** Makes an execution independent of what the backend connection knows: types are always in it. */
  complete(payload: Buffer): Buffer {
    const { numParams } = this.global;
    // Cursors are not passed on.
    const whole = Buffer.from(payload);
    whole[5] = 0;
    if (numParams === 0) return whole;
    const flagAt = 10 + Math.ceil(numParams / 8);
    if (whole[flagAt] === 1) {
      this.#types = Buffer.from(whole.subarray(flagAt + 1, flagAt + 1 + 2 * numParams));
      return whole;
    }
    if (this.#types === undefined) return whole;
    return Buffer.concat([whole.subarray(0, flagAt), Buffer.from([1]), this.#types, whole.subarray(flagAt + 1)]);
  }
}
