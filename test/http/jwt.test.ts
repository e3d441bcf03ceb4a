import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JwtConfig } from '../../src/config/identity.ts';
import type { App } from '../../src/http/types.ts';
import { bearer, fakeApp } from './fakeService.ts';

const issuer = 'https://login.example.net/';
const audience = 'bigdb-cutover';
type Key = CryptoKey;

let key: Key;
let strangersKey: Key;
let config: JwtConfig;
let app: App;
beforeAll(async () => {
  const pair = await generateKeyPair('ES256');
  key = pair.privateKey;
  strangersKey = (await generateKeyPair('ES256')).privateKey;
  config = {
    issuer,
    audience,
    keys: { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256' } as Record<string, unknown>] },
    nameClaim: 'sub',
    roleClaim: 'roles',
    roles: { dba: 'operator', boss: 'approver' },
  };
  app = fakeApp({ jwt: config }).app;
});
afterAll(() => app?.close());

const claims: JWTPayload = { sub: 'alice', roles: ['dba', 'staff'], iss: issuer, aud: audience };
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;

function sign(changes: JWTPayload = {}, signer: Key = key): Promise<string> {
  return new SignJWT({ ...claims, exp: inSeconds(60), ...changes })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .sign(signer);
}

const create = (token: string, to: App = app) =>
  to.inject({
    method: 'POST',
    url: '/v1/migrations',
    payload: { orgId: 42 },
    headers: { authorization: `Bearer ${token}` },
  });

it('takes a token of the issuer, with its name and the highest of its roles', async () => {
  const { app: own, operations } = fakeApp({ jwt: config });
  expect((await create(await sign({ roles: ['dba', 'boss'] }), own)).statusCode).toBe(201);
  expect(operations.entries).toMatchObject([{ actor: 'alice', role: 'approver' }]);
  await own.close();
});

it('takes the configuration’s own tokens as before', async () => {
  const reply = await app.inject({ url: '/v1/migrations', headers: bearer('viewer') });
  expect(reply.statusCode).toBe(200);
});

it.each<[string, JWTPayload, string]>([
  ['expired', { exp: inSeconds(-60) }, 'expired'],
  ['not valid yet', { nbf: inSeconds(60) }, 'nbf'],
  ['of another issuer', { iss: 'https://elsewhere.example/' }, 'iss'],
  ['for another audience', { aud: 'payroll' }, 'aud'],
  ['without an end', { exp: undefined as never }, 'exp'],
  ['without a name', { sub: undefined as never }, 'sub'],
  ['with a name that is none', { sub: 'x'.repeat(200) }, 'sub'],
  ['without a role here', { roles: ['staff'] }, 'roles'],
  ['with a role of the prototype', { roles: ['constructor'] }, 'roles'],
])('refuses a token %s', async (_, changes, why) => {
  const reply = await create(await sign(changes));
  expect(reply.json()).toMatchObject({ status: 401, code: 'TOKEN_REFUSED', detail: expect.stringContaining(why) });
});

it('refuses what another key has signed, what nobody has signed, and what is signed with a shared secret', async () => {
  const [header, payload] = (await sign()).split('.');
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.x`;
  const secret = await new SignJWT({ ...claims, exp: inSeconds(60) })
    .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
    .sign(new TextEncoder().encode(JSON.stringify(config.keys)));
  for (const token of [await sign({}, strangersKey), none, secret, `${header}.${payload}.AAAA`]) {
    expect((await create(token)).json()).toMatchObject({ status: 401, code: 'TOKEN_REFUSED' });
  }
});

it('knows the role of a token as of any other', async () => {
  const reply = await app.inject({
    method: 'POST',
    url: '/v1/migrations/m1/approve',
    payload: {},
    headers: { authorization: `Bearer ${await sign()}` },
  });
  expect(reply.json()).toMatchObject({ status: 403, code: 'ROLE_TOO_LOW', details: { role: 'operator' } });
});

it('reads the keys at a URL; while they cannot be had, nobody is let in and nobody is called a liar', async () => {
  let keys: unknown = null;
  const server: Server = createServer((_, reply) => {
    reply.statusCode = keys === null ? 500 : 200;
    reply.setHeader('content-type', 'application/json').end(JSON.stringify(keys));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  const { app: own } = fakeApp({ jwt: { ...config, keys: { url } } });
  expect((await create(await sign(), own)).json()).toMatchObject({ status: 503, code: 'IDENTITY_UNAVAILABLE' });
  keys = config.keys;
  expect((await create(await sign(), own)).statusCode).toBe(201);
  await own.close();
  await new Promise((resolve) => server.close(resolve));
});
