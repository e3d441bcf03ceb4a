import { MAX_FRAME_PAYLOAD, ServerStatus } from './constants.ts';
import { PayloadReader } from './lengthEncoded.ts';

/** What a finished response said; counts are sums over all results of a multi-statement. */
export interface ResponseSummary {
  /** Status flags of the last OK or EOF; undefined when the response is an error and carries none. */
  status: number | undefined;
  errno: number;
  errorMessage: string;
  affectedRows: number;
  lastInsertId: number;
  warnings: number;
  rowsSent: number;
  /** Set for a COM_STMT_PREPARE that succeeded. */
  statementId: number;
  numColumns: number;
  numParams: number;
}

export type ResponseKind = 'query' | 'prepare';

type State = 'first' | 'columns' | 'columnsEof' | 'rows' | 'definitions' | 'done';

/** Of a packet longer than this only the beginning is looked at: an OK, EOF or ERR fits. */
const HEAD_BYTES = 512;

/**
 * Follows the bytes of a response just closely enough to know where it ends and what its status is, while the bytes
 * themselves go through untouched.
 */
export class ResponseTracker {
  readonly summary: ResponseSummary = {
    status: undefined,
    errno: 0,
    errorMessage: '',
    affectedRows: 0,
    lastInsertId: 0,
    warnings: 0,
    rowsSent: 0,
    statementId: 0,
    numColumns: 0,
    numParams: 0,
  };
  readonly #kind: ResponseKind;
  readonly #deprecateEof: boolean;
  #state: State = 'first';
  #left = 0;
  #header = Buffer.allocUnsafe(4);
  #headerFilled = 0;
  #bodyLength = 0;
  #bodySeen = 0;
  #headParts: Buffer[] = [];
  #continues = false;

  constructor(kind: ResponseKind, deprecateEof: boolean) {
    this.#kind = kind;
    this.#deprecateEof = deprecateEof;
  }

  /** Takes the next bytes; true when the response is complete. Bytes after its end are an error of the server's. */
  push(chunk: Buffer): boolean {
    let offset = 0;
    while (offset < chunk.length && this.#state !== 'done') {
      if (this.#headerFilled < 4) {
        if (this.#headerFilled === 0 && chunk.length - offset >= 4) {
          this.#bodyLength = chunk.readUIntLE(offset, 3);
          offset += 4;
          this.#headerFilled = 4;
        } else {
          const take = Math.min(4 - this.#headerFilled, chunk.length - offset);
          chunk.copy(this.#header, this.#headerFilled, offset, offset + take);
          this.#headerFilled += take;
          offset += take;
          if (this.#headerFilled < 4) return false;
          this.#bodyLength = this.#header.readUIntLE(0, 3);
        }
        this.#bodySeen = 0;
      }
      const take = Math.min(this.#bodyLength - this.#bodySeen, chunk.length - offset);
      const whole = this.#bodySeen === 0 && take === this.#bodyLength;
      const head = chunk.subarray(offset, offset + Math.min(take, HEAD_BYTES));
      offset += take;
      this.#bodySeen += take;
      if (!whole && this.#headParts.length < 8) this.#headParts.push(head);
      if (this.#bodySeen < this.#bodyLength) return false;
      this.#headerFilled = 0;
      const isContinuation = this.#continues;
      this.#continues = this.#bodyLength === MAX_FRAME_PAYLOAD;
      const joined = whole ? head : Buffer.concat(this.#headParts);
      if (this.#headParts.length > 0) this.#headParts = [];
      if (!isContinuation) this.#packet(joined, this.#bodyLength);
    }
    return this.#state === 'done';
  }

  #packet(head: Buffer, length: number): void {
    switch (this.#state) {
      case 'first':
        if (head[0] === 0xff) this.#error(head);
        else if (this.#kind === 'prepare') this.#prepared(head);
        else if (head[0] === 0x00) this.#ok(head);
        else {
          this.#left = new PayloadReader(head).lengthEncodedInteger();
          this.summary.numColumns = this.#left;
          this.#state = 'columns';
        }
        return;
      case 'columns':
        this.#left--;
        if (this.#left === 0) this.#state = this.#deprecateEof ? 'rows' : 'columnsEof';
        return;
      case 'columnsEof':
        this.#state = 'rows';
        return;
      case 'rows':
        if (head[0] === 0xff) this.#error(head);
        else if (head[0] === 0xfe && this.#deprecateEof && length < MAX_FRAME_PAYLOAD) this.#ok(head);
        else if (head[0] === 0xfe && !this.#deprecateEof && length < 9) {
          this.summary.warnings = head.readUInt16LE(1);
          this.#finished(head.readUInt16LE(3));
        } else this.summary.rowsSent++;
        return;
      case 'definitions':
        this.#left--;
        if (this.#left === 0) this.#state = 'done';
        return;
    }
  }

  #ok(head: Buffer): void {
    const reader = new PayloadReader(head, 1);
    this.summary.affectedRows += reader.lengthEncodedInteger();
    const insertId = reader.lengthEncodedInteger();
    if (insertId !== 0) this.summary.lastInsertId = insertId;
    const status = reader.uint16();
    this.summary.warnings = reader.uint16();
    this.#finished(status);
  }

  #finished(status: number): void {
    this.summary.status = status;
    this.#state = (status & ServerStatus.MORE_RESULTS) === 0 ? 'done' : 'first';
  }

  #prepared(head: Buffer): void {
    const { summary } = this;
    summary.statementId = head.readUInt32LE(1);
    summary.numColumns = head.readUInt16LE(5);
    summary.numParams = head.readUInt16LE(7);
    const eof = this.#deprecateEof ? 0 : 1;
    this.#left =
      (summary.numParams === 0 ? 0 : summary.numParams + eof) +
      (summary.numColumns === 0 ? 0 : summary.numColumns + eof);
    this.#state = this.#left === 0 ? 'done' : 'definitions';
  }

  #error(head: Buffer): void {
    this.summary.errno = head.readUInt16LE(1);
    this.summary.errorMessage = head.toString('utf8', head[3] === 0x23 ? 9 : 3);
    // An error in a later result of a multi-statement: the flags of the results before it do not hold any more.
    this.summary.status = undefined;
    this.#state = 'done';
  }
}
