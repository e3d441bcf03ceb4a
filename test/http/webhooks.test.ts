import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.ts';
import type { App } from '../../src/http/types.ts';
import type { KeptDelivery } from '../../src/ports/webhooks.ts';
import { bearer, type FakeHooks, fakeApp } from './fakeService.ts';

let app: App;
let hooks: FakeHooks;
let api: string;
beforeEach(async () => {
  ({ app, hooks } = fakeApp());
  api = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => app.close());

const ask = (path: string) => app.inject({ url: `/v1/webhooks${path}`, headers: bearer('viewer') });
const madeMs = Date.UTC(2026, 0, 2);
const kept = (seq: number, changed: Partial<KeptDelivery> = {}): KeptDelivery => ({
  seq,
  id: `m-4.${seq}`,
  migrationId: 'm-4',
  madeMs,
  dueMs: null,
  endedMs: madeMs + 40,
  tries: 1,
  outcome: 'delivered',
  answer: 'HTTP 200',
  ...changed,
});
const cli = async (...argv: string[]) => {
  const shown = { out: '', err: '' };
  const show = (where: 'out' | 'err') => (text: string) => {
    shown[where] += text;
  };
  const env = { BIGDB_CUTOVER_API: api, BIGDB_CUTOVER_TOKEN: 'token-of-viewer' };
  const output = { out: show('out'), err: show('err'), screen: false };
  const code = await run(argv, env, output, new AbortController().signal);
  return { code, ...shown };
};

describe('webhooks', () => {
  it('are those of the configuration, then what is left of others', async () => {
    const of = { owner: 'a-1', waiting: 2, oldestMs: madeMs, tries: 7, answer: 'HTTP 500' };
    hooks.backlogs = [{ hook: 'old-chat', ...of }];
    expect((await ask('')).json()).toEqual({
      items: [
        {
          name: 'changes',
          configured: true,
          format: 'event',
          owner: null,
          waiting: 0,
          oldestAt: null,
          tries: 0,
          answer: null,
        },
        {
          name: 'old-chat',
          configured: false,
          format: null,
          owner: 'a-1',
          waiting: 2,
          oldestAt: '2026-01-02T00:00:00.000Z',
          tries: 7,
          answer: 'HTTP 500',
        },
      ],
    });
  });

  it('tell what became of each delivery, the newest first, page by page', async () => {
    hooks.kept = [
      kept(9, { dueMs: madeMs + 2_000, endedMs: null, outcome: 'failed', answer: 'HTTP 500' }),
      kept(8, { dueMs: madeMs, endedMs: null, outcome: null, answer: null, tries: 0 }),
      kept(7, { outcome: 'givenUp', answer: 'HTTP 410' }),
      kept(6),
    ];
    const first = (await ask('/changes/deliveries?limit=3')).json();
    expect(first.items.map(({ state }: { state: string }) => state)).toEqual(['waiting', 'waiting', 'givenUp']);
    expect(first.items[0]).toMatchObject({ dueAt: '2026-01-02T00:00:02.000Z', endedAt: null, tries: 1 });
    expect(first.nextBefore).toBe(7);
    hooks.kept = [kept(6)];
    const last = (await ask('/changes/deliveries?limit=3&before=7&state=delivered&migrationId=m-4')).json();
    expect(last).toMatchObject({ items: [{ id: 'm-4.6', state: 'delivered' }], nextBefore: null });
    expect(hooks.asked.at(-1)).toEqual({
      hook: 'changes',
      limit: 4,
      before: 7,
      state: 'delivered',
      migrationId: 'm-4',
    });
  });

  it('that nobody knows are not found; what is no state is refused', async () => {
    expect((await ask('/other/deliveries')).json()).toMatchObject({ status: 404, code: 'WEBHOOK_UNKNOWN' });
    expect((await ask('/changes/deliveries?state=lost')).statusCode).toBe(400);
    expect((await ask('/changes/deliveries?before=0')).statusCode).toBe(400);
    expect(hooks.asked).toEqual([]);
  });

  it('stand on the command line', async () => {
    const of = { owner: 'a-1', waiting: 2, oldestMs: madeMs, tries: 7, answer: 'HTTP 500' };
    hooks.backlogs = [{ hook: 'changes', ...of }];
    hooks.kept = [kept(6)];
    const all = await cli('webhooks');
    expect(all.code).toBe(0);
    expect(all.out).toMatch(/changes +event +2 +2026-01-02T00:00:00.000Z +7 +HTTP 500 +a-1/);
    const one = await cli('webhooks', 'changes');
    expect(one.out).toMatch(/m-4\.6 +delivered +2026-01-02T00:00:00.000Z +1 +HTTP 200/);
    expect(JSON.parse((await cli('webhooks', 'changes', '--json')).out)).toMatchObject({
      items: [{ seq: 6 }],
      nextBefore: null,
    });
    hooks.kept = Array.from({ length: 51 }, (_, index) => kept(100 - index));
    expect((await cli('webhooks', 'changes')).out).toContain('deliveries?before=51\n');
    expect((await cli('webhooks', 'other')).code).toBe(4);
  });
});
