// MySQL's length-encoded integers and strings.

/** Reads values from a payload, front to back. Reading past the end throws a RangeError. */
export class PayloadReader {
  readonly payload: Buffer;
  offset: number;

  constructor(payload: Buffer, offset = 0) {
    this.payload = payload;
    this.offset = offset;
  }

  get left(): number {
    return this.payload.length - this.offset;
  }

  uint8(): number {
    return this.payload.readUInt8(this.offset++);
  }

  uint16(): number {
    this.offset += 2;
    return this.payload.readUInt16LE(this.offset - 2);
  }

  uint32(): number {
    this.offset += 4;
    return this.payload.readUInt32LE(this.offset - 4);
  }

  lengthEncodedInteger(): number {
    const first = this.uint8();
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.uint16();
    if (first === 0xfd) {
      this.offset += 3;
      return this.payload.readUIntLE(this.offset - 3, 3);
    }
    this.offset += 8;
    // Counts and ids beyond 2^53 are not told apart any more: nobody here computes with them.
    return Number(this.payload.readBigUInt64LE(this.offset - 8));
  }

  bytes(length: number): Buffer {
    if (length > this.left) throw new RangeError(`packet ends ${length - this.left} bytes early`);
    this.offset += length;
    return this.payload.subarray(this.offset - length, this.offset);
  }

  lengthEncodedBytes(): Buffer {
    return this.bytes(this.lengthEncodedInteger());
  }

  nullTerminated(): Buffer {
    const end = this.payload.indexOf(0, this.offset);
    const value = this.payload.subarray(this.offset, end === -1 ? this.payload.length : end);
    this.offset = end === -1 ? this.payload.length : end + 1;
    return value;
  }

  rest(): Buffer {
    return this.bytes(this.left);
  }
}

export function lengthEncodedInteger(value: number): Buffer {
  if (value < 0xfb) return Buffer.from([value]);
  if (value <= 0xffff) return Buffer.from([0xfc, value & 0xff, value >> 8]);
  if (value <= 0xffffff) return Buffer.from([0xfd, value & 0xff, (value >> 8) & 0xff, value >> 16]);
  const buffer = Buffer.alloc(9);
  buffer[0] = 0xfe;
  buffer.writeBigUInt64LE(BigInt(value), 1);
  return buffer;
}

export function lengthEncodedString(value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return Buffer.concat([lengthEncodedInteger(bytes.length), bytes]);
}
