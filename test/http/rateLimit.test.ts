import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import type { App } from '../../src/http/types.ts';
import { bearer, fakeApp } from './fakeService.ts';

let app: App;
beforeEach(() => {
  ({ app } = fakeApp({ rateLimit: { requests: 3, windowMs: 60_000 } }));
});
afterEach(() => app.close());

const ask = (role: 'viewer' | 'operator', url = '/v1/migrations') => app.inject({ url, headers: bearer(role) });

describe('a token that asks too often', () => {
  it('is told when it may go on, and takes nothing from another one', async () => {
    for (let n = 0; n < 3; n++) expect((await ask('viewer')).statusCode).toBe(200);
    const reply = await ask('viewer', '/v1/fleet');
    expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(reply.json()).toMatchObject({ status: 429, code: 'RATE_LIMITED', details: { requests: 3 } });
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(reply.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect((await ask('operator')).statusCode).toBe(200);
  });

  it('may go on when its time is over', async () => {
    const quick = fakeApp({ rateLimit: { requests: 1, windowMs: 300 } }).app;
    try {
      const status = async () => (await quick.inject({ url: '/v1/me', headers: bearer('viewer') })).statusCode;
      await pollUntil('the token to be refused', async () => (await status()) === 429, { everyMs: 1 });
      await pollUntil('the token to go on', async () => (await status()) === 200, { everyMs: 20 });
    } finally {
      await quick.close();
    }
  });

  it('does not take health away, and a wrong token uses up nobody’s share', async () => {
    for (let n = 0; n < 6; n++) {
      expect((await app.inject('/healthz')).statusCode).toBe(200);
      const wrong = await app.inject({ url: '/v1/migrations', headers: { authorization: 'Bearer wrong' } });
      expect(wrong.statusCode).toBe(401);
    }
    expect((await ask('viewer')).statusCode).toBe(200);
  });
});
