/** One server-sent event. */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | null;
}

/** Cuts a stream of text into events, wherever its pieces happen to end. Comments are dropped. */
export class EventParser {
  #rest = '';

  take(text: string): ServerEvent[] {
    // A piece may end between the two characters of a line's end: the last \r waits for what comes.
    const all = this.#rest + text;
    const held = all.endsWith('\r') ? 1 : 0;
    const blocks = all
      .slice(0, all.length - held)
      .replaceAll('\r\n', '\n')
      .replaceAll('\r', '\n')
      .split('\n\n');
    this.#rest = (blocks.pop() ?? '') + (held === 1 ? '\r' : '');
    return blocks.flatMap((block) => eventOf(block) ?? []);
  }
}

function eventOf(block: string): ServerEvent | null {
  let event = 'message';
  let id: string | null = null;
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
    else if (field === 'id') id = value;
  }
  return data.length === 0 ? null : { event, data: data.join('\n'), id };
}
