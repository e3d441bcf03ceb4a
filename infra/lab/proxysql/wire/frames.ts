import type { Writable } from 'node:stream';
import { MAX_FRAME_PAYLOAD } from './constants.ts';

/**
 * Cuts a byte stream into packets. A packet of several frames (16 MiB and more) is put together again.
 * Pieces are joined once, when a packet is whole, so a large one that comes in small chunks costs one copy.
 */
export class PacketReader {
  #chunks: Buffer[] = [];
  #length = 0;
  #needed = 4;
  #parts: Buffer[] = [];

  /** @param onPacket called with payload and sequence id of each packet, in order */
  push(chunk: Buffer, onPacket: (payload: Buffer, sequenceId: number) => void): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return;
    let data = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#length);
    for (;;) {
      if (data.length < 4) {
        this.#needed = 4;
        break;
      }
      const payloadLength = data.readUIntLE(0, 3);
      if (data.length < 4 + payloadLength) {
        this.#needed = 4 + payloadLength;
        break;
      }
      const sequenceId = data[3] as number;
      const payload = data.subarray(4, 4 + payloadLength);
      data = data.subarray(4 + payloadLength);
      if (payloadLength === MAX_FRAME_PAYLOAD) {
        this.#parts.push(payload);
        continue;
      }
      if (this.#parts.length === 0) {
        onPacket(payload, sequenceId);
      } else {
        const whole = Buffer.concat([...this.#parts, payload]);
        this.#parts = [];
        onPacket(whole, sequenceId);
      }
    }
    this.#chunks = data.length === 0 ? [] : [data];
    this.#length = data.length;
  }
}

/** One packet with its frame header or headers. */
export function frame(payload: Buffer, sequenceId: number): Buffer {
  if (payload.length < MAX_FRAME_PAYLOAD) {
    const packet = Buffer.allocUnsafe(4 + payload.length);
    packet.writeUIntLE(payload.length, 0, 3);
    packet[3] = sequenceId;
    payload.copy(packet, 4);
    return packet;
  }
  const frames: Buffer[] = [];
  for (let offset = 0; ; offset += MAX_FRAME_PAYLOAD) {
    const part = payload.subarray(offset, offset + MAX_FRAME_PAYLOAD);
    const header = Buffer.allocUnsafe(4);
    header.writeUIntLE(part.length, 0, 3);
    header[3] = (sequenceId + frames.length / 2) & 0xff;
    frames.push(header, part);
    // A payload that fills its last frame is closed by an empty one.
    if (part.length < MAX_FRAME_PAYLOAD) return Buffer.concat(frames);
  }
}

/** Writes packets of one response, numbered from `firstSequenceId`, in one go. */
export function writePackets(stream: Writable, payloads: readonly Buffer[], firstSequenceId: number): void {
  stream.write(Buffer.concat(payloads.map((payload, index) => frame(payload, (firstSequenceId + index) & 0xff))));
}
