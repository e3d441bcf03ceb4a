import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/errors/store.ts';
import type { App } from '../../src/http/types.ts';
import { bearer, eventOf, fakeApp, statusOf } from './fakeService.ts';

let app: App;
afterEach(() => app.close());

async function start(streams: { pollMs?: number; heartbeatMs?: number; limit?: number } = {}) {
  const made = fakeApp({ streams: { pollMs: 5, heartbeatMs: 10_000, ...streams } });
  app = made.app;
  made.service.migrations.set('m1', statusOf('m1', 42));
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const open = async (headers: Record<string, string> = {}, query = '') => {
    const reply = await fetch(`${address}/v1/migrations/m1/events${query}`, {
      headers: { ...bearer('viewer'), accept: 'text/event-stream', ...headers },
    });
    return { reply, ...reading(reply) };
  };
  return { ...made, address, open };
}

/** Reads a stream piece by piece. */
function reading(reply: Response) {
  const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
  let all = '';
  return {
    /** Reads on until the text is there; what was read so far. */
    async until(part: string): Promise<string> {
      while (!all.includes(part)) {
        const { done, value } = (await reader?.read()) ?? { done: true };
        if (done) throw new Error(`the stream ended after ${JSON.stringify(all)}`);
        all += value;
      }
      return all;
    },
    async rest(): Promise<string> {
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true };
        if (done) return all;
        all += value;
      }
    },
    cancel: () => reader?.cancel(),
  };
}

describe('the event stream', () => {
  it('sends what is there, then what comes', async () => {
    const { service, open } = await start();
    service.timeline.push(eventOf(1), eventOf(2, 'two\nlines'));
    const stream = await open();
    expect(stream.reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    await stream.until('id: 2\n');
    service.timeline.push(eventOf(3));
    const all = await stream.until('"event 3"');
    const frames = all.split('\n\n').filter((frame) => frame.startsWith('id:'));
    expect(frames.map((frame) => JSON.parse(frame.split('data: ')[1] ?? ''))).toEqual(service.timeline);
    await stream.cancel();
  });

  it('sends more than one page of events, each once', async () => {
    const { service, open } = await start();
    for (let seq = 1; seq <= 450; seq++) service.timeline.push(eventOf(seq));
    const stream = await open();
    const all = await stream.until('id: 450\n');
    expect([...all.matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq))).toEqual(
      service.timeline.map((e) => e.seq),
    );
    await stream.cancel();
  });

  it('goes on after Last-Event-ID, which counts more than the query', async () => {
    const { service, open } = await start();
    service.timeline.push(eventOf(1), eventOf(2), eventOf(3));
    const stream = await open({ 'last-event-id': '2' }, '?after=0');
    const all = await stream.until('id: 3\n');
    expect(all).not.toContain('id: 2\n');
    await stream.cancel();
  });

  it('shows that it lives when nothing happens', async () => {
    const { open } = await start({ heartbeatMs: 20 });
    const stream = await open();
    await stream.until(': still here');
    await stream.cancel();
  });

  it('outlives a store that does not answer', async () => {
    const { service, open } = await start();
    service.timeline.push(eventOf(1));
    const stream = await open();
    await stream.until('id: 1\n');
    service.failure = new StoreUnavailableError('down');
    await expect.poll(() => service.failure).toBe(null);
    service.timeline.push(eventOf(2));
    await stream.until('id: 2\n');
    await stream.cancel();
  });

  it('ends when the app closes', async () => {
    const { open } = await start({ pollMs: 60_000 });
    const stream = await open();
    await stream.until('retry:');
    await app.close();
    await stream.rest();
  });

  it('stops asking when the reader is gone, and gives its place to another', async () => {
    const { service, open } = await start({ limit: 1 });
    const first = await open();
    await first.until('retry:');
    const second = await open();
    expect(second.reply.status).toBe(503);
    expect(await second.until('TOO_MANY_STREAMS')).toContain('"status":503');
    await first.cancel();
    await expect
      .poll(async () => {
        const before = service.calls.length;
        await new Promise((resolve) => setTimeout(resolve, 25));
        return service.calls.length - before;
      })
      .toBe(0);
    const third = await open();
    expect(third.reply.status).toBe(200);
    await third.cancel();
  });

  it('has no HEAD', async () => {
    const { address } = await start();
    const reply = await fetch(`${address}/v1/migrations/m1/events`, { method: 'HEAD', headers: bearer('viewer') });
    expect(reply.status).toBe(404);
  });
});

describe('what is not HTTP', () => {
  it('is answered with a problem', async () => {
    const { address } = await start();
    const socket = connect(Number(new URL(address).port), '127.0.0.1');
    socket.write('HELLO\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"REQUEST_MALFORMED"/);
  });
});
