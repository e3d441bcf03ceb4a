import { afterEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/errors/store.ts';
import type { App } from '../../src/http/types.ts';
import { EventParser, type ServerEvent } from '../../src/web/live/parser.ts';
import { bearer, eventOf, fakeApp, statusOf } from './fakeService.ts';
import { waveOrg, waveStatus } from './fakeWaves.ts';

let app: App;
const stop = new AbortController();
afterEach(() => app.close());

async function start(live: NonNullable<Parameters<typeof fakeApp>[0]>['live'] = {}) {
  const made = fakeApp({ live: { lookMs: 5, heartbeatMs: 10_000, ...live } });
  app = made.app;
  made.service.migrations.set('m1', statusOf('m1', 42));
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const open = async (path: string, headers: Record<string, string> = {}) => {
    const reply = await fetch(`${address}${path}`, {
      headers: { ...bearer('viewer'), accept: 'text/event-stream', ...headers },
      signal: stop.signal,
    });
    return { reply, ...reading(reply) };
  };
  return { ...made, open };
}

/** Events as they come. */
function reading(reply: Response) {
  const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  const ready: ServerEvent[] = [];
  let text = '';
  const read = async () => {
    const { done, value } = (await reader?.read()) ?? { done: true, value: '' };
    if (done) return false;
    text += value;
    ready.push(...parser.take(value));
    return true;
  };
  return {
    /** The next event of this name. */
    // biome-ignore lint/suspicious/noExplicitAny: any JSON
    async next(name: string): Promise<{ data: any; id: string | null }> {
      for (;;) {
        const event = ready.shift();
        if (event?.event === name) return { data: JSON.parse(event.data), id: event.id };
        if (event === undefined && !(await read())) throw new Error(`the stream ended before ${name}`);
      }
    },
    async rest(): Promise<string> {
      while (await read());
      return text;
    },
    cancel: () => reader?.cancel(),
  };
}

describe('the live list', () => {
  it('is whole at first, then what changed in it, and says a freeze', async () => {
    const { service, operations, open } = await start();
    const stream = await open('/v1/live/migrations');
    expect(stream.reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect((await stream.next('hello')).data).toMatchObject({ version: '1.2.3' });
    expect((await stream.next('migrations')).data).toMatchObject([{ id: 'm1', orgId: 42, state: 'planned' }]);
    expect((await stream.next('freeze')).data.frozen).toBe(false);
    service.migrations.set('m1', statusOf('m1', 42, { state: 'ready' }));
    expect((await stream.next('changes')).data).toEqual({ changed: [{ id: 'm1', state: 'ready' }], gone: [] });
    await operations.freeze('INC-1', { name: 'x', role: 'operator', from: '::1' });
    expect((await stream.next('freeze')).data).toMatchObject({ frozen: true, reason: 'INC-1' });
    await stream.cancel();
  });

  it('costs the store one look, however many watch, and none when nobody does', async () => {
    const { service, open } = await start({ lookMs: 50 });
    const streams = await Promise.all(Array.from({ length: 40 }, () => open('/v1/live/migrations')));
    await Promise.all(streams.map((stream) => stream.next('migrations')));
    const before = service.calls.length;
    service.migrations.set('m2', statusOf('m2', 7));
    await Promise.all(streams.map((stream) => stream.next('changes')));
    // One look would be enough; a second one may have begun meanwhile.
    expect(service.calls.length - before).toBeLessThan(10);
    await Promise.all(streams.map((stream) => stream.cancel()));
    await expect
      .poll(async () => {
        const count = service.calls.length;
        await new Promise((resolve) => setTimeout(resolve, 120));
        return service.calls.length - count;
      })
      .toBe(0);
  });

  it('shows nobody what was there before anybody watched', async () => {
    const { service, open } = await start();
    const first = await open('/v1/live/migrations');
    await first.next('migrations');
    await first.cancel();
    service.migrations.set('m1', statusOf('m1', 42, { state: 'soaking' }));
    const second = await open('/v1/live/migrations');
    expect((await second.next('migrations')).data[0].state).toBe('soaking');
    await second.cancel();
  });

  it('asks again for what has not ended only', async () => {
    const { service, open } = await start();
    service.migrations.set('m2', statusOf('m2', 7, { state: 'completed', outcome: 'completed', waitsFor: null }));
    const stream = await open('/v1/live/migrations');
    await stream.next('migrations');
    await expect.poll(() => service.calls.filter(({ method }) => method === 'list').length).toBeGreaterThan(1);
    const { known } = service.calls.findLast(({ method }) => method === 'list')?.input as {
      known: Map<string, unknown>;
    };
    expect([...known.keys()]).toEqual(['m2']);
    await stream.cancel();
  });

  it('says that it cannot look, and that it can again', async () => {
    const { service, open } = await start({ lookMs: 30 });
    const stream = await open('/v1/live/migrations');
    await stream.next('migrations');
    service.failure = new StoreUnavailableError('read', new Error('gone'));
    expect((await stream.next('trouble')).data).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect((await stream.next('trouble')).data).toBeNull();
    await stream.cancel();
  });

  it('is one document with an ETag for whoever wants no stream', async () => {
    await start();
    const first = await app.inject({ url: '/v1/live/migrations', headers: bearer('viewer') });
    expect(first.json()).toMatchObject({ items: [{ id: 'm1' }], freeze: { frozen: false } });
    const headers = { ...bearer('viewer'), 'if-none-match': String(first.headers.etag) };
    expect((await app.inject({ url: '/v1/live/migrations', headers })).statusCode).toBe(304);
  });
});

describe('one org, live', () => {
  it('has status and timeline, and goes on where it broke off', async () => {
    const { service, open } = await start();
    for (let seq = 1; seq <= 450; seq++) service.timeline.push(eventOf(seq));
    const stream = await open('/v1/live/migrations/m1');
    for (let seq = 1; seq <= 450; seq++) expect((await stream.next('timeline')).id).toBe(String(seq));
    expect((await stream.next('status')).data.state).toBe('planned');
    service.timeline.push(eventOf(451));
    service.migrations.set('m1', statusOf('m1', 42, { state: 'preflight', version: 2 }));
    expect((await stream.next('timeline')).id).toBe('451');
    expect((await stream.next('status')).data.version).toBe(2);
    // Somebody else, who had seen most of it.
    const other = await open('/v1/live/migrations/m1', { 'last-event-id': '449' });
    expect((await other.next('timeline')).id).toBe('450');
    await Promise.all([stream.cancel(), other.cancel()]);
  });

  it('has a timeline whole that is longer than what is kept for all', async () => {
    const { service, open } = await start();
    for (let seq = 1; seq <= 1_234; seq++) service.timeline.push(eventOf(seq));
    const stream = await open('/v1/live/migrations/m1');
    for (let seq = 1; seq <= 1_234; seq++) expect((await stream.next('timeline')).id).toBe(String(seq));
    await stream.cancel();
  });

  it('is not there where the migration is not', async () => {
    const { open } = await start();
    expect((await open('/v1/live/migrations/nobody')).reply.status).toBe(404);
  });
});

describe('live streams', () => {
  it('need a token, are limited, end after their life, and do not keep the server from closing', async () => {
    const { open } = await start({ limit: 2, lifeMs: 200 });
    expect((await open('/v1/live/fleet', { authorization: '' })).reply.status).toBe(401);
    const streams = [await open('/v1/live/fleet'), await open('/v1/live/migrations')];
    expect((await streams[0]?.next('fleet'))?.data.proxies).toHaveLength(2);
    expect((await open('/v1/live/fleet')).reply.status).toBe(503);
    await Promise.all(streams.map((stream) => stream.rest()));
    const again = await open('/v1/live/fleet');
    expect(again.reply.status).toBe(200);
    await app.close();
    await again.rest().catch(() => undefined);
  });

  it('say something, so that silence means death', async () => {
    const { open } = await start({ heartbeatMs: 20, lifeMs: 200 });
    expect(await (await open('/v1/live/fleet')).rest()).toContain(': still here');
  });
});

describe('live waves', () => {
  it('are whole with every change; one wave tells which of its orgs changed', async () => {
    const { waves, open } = await start();
    waves.waves.set('w1', waveStatus('w1'));
    const all = await open('/v1/live/waves');
    expect((await all.next('waves')).data).toMatchObject([{ id: 'w1', state: 'planned' }]);
    const one = await open('/v1/live/waves/w1');
    expect((await one.next('waveOrgs')).data).toMatchObject([{ orgId: 1 }, { orgId: 2 }]);
    expect((await one.next('wave')).data).toMatchObject({ id: 'w1', state: 'planned' });
    waves.orgList = [waveOrg(1), waveOrg(2, { standing: 'loading' })];
    expect((await one.next('waveOrgs')).data).toMatchObject([{ orgId: 2, standing: 'loading' }]);
    waves.waves.set('w1', waveStatus('w1', { state: 'running', version: 2 }));
    expect((await all.next('waves')).data).toMatchObject([{ id: 'w1', state: 'running' }]);
    await all.cancel();
    await one.cancel();
  });

  it('ask with what they know already; an unknown wave is an answer, no stream', async () => {
    const { waves, open } = await start();
    waves.waves.set('w1', waveStatus('w1', { state: 'completed' }));
    const stream = await open('/v1/live/waves');
    await stream.next('waves');
    const asked = () => waves.calls.filter(({ method }) => method === 'list');
    await expect.poll(() => asked().length).toBeGreaterThan(1);
    const { known } = asked().at(-1)?.input as { known: Map<string, unknown> };
    expect([...known.keys()]).toEqual(['w1']);
    expect((await open('/v1/live/waves/nobody')).reply.status).toBe(404);
    const whole = await app.inject({ url: '/v1/live/waves', headers: bearer('viewer') });
    expect(whole.json()).toMatchObject({ items: [{ id: 'w1' }] });
    await stream.cancel();
  });
});

describe('who asks', () => {
  it('is told, with the role that each command needs', async () => {
    await start();
    const reply = await app.inject({ url: '/v1/me', headers: bearer('operator') });
    expect(reply.json()).toMatchObject({
      name: 'the operator',
      role: 'operator',
      needs: {
        rollback: 'operator',
        approve: 'approver',
        acceptLoss: 'approver',
        fleetChange: 'approver',
        waveStart: 'operator',
        waveApprove: 'approver',
      },
    });
  });
});
