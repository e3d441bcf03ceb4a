import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Mood, orgId, type Scene, startScene } from './scene.ts';
import { Secrets } from './secrets.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
});
afterAll(() => scene?.stop());

it('finds a secret in whatever form it is told', () => {
  const secrets = new Secrets();
  secrets.make('one');
  const secret = secrets.value('one');
  const told = [
    secret,
    JSON.stringify({ a: secret }),
    JSON.stringify({ a: JSON.stringify({ b: secret }) }),
    encodeURIComponent(secret),
    new URLSearchParams({ password: secret }).toString(),
    Buffer.from(`user:${secret}`).toString('base64'),
    Buffer.from(`x${secret}yy`).toString('base64url'),
    Buffer.from(secret).toString('hex'),
  ];
  for (const text of told) expect(secrets.shownIn(`before ${text} after`), text).not.toEqual([]);
  expect(secrets.shownIn('nothing of the kind')).toEqual([]);
});

/** Everything that the API can be asked for, and everything that it refuses. */
async function useApi(api: string): Promise<string> {
  let told = '';
  const token = (role: string) => `Bearer ${scene.secrets.value(`token-of-${role}`)}`;
  const ask = async (path: string, init: RequestInit = {}, role = 'admin'): Promise<unknown> => {
    const reply = await fetch(api + path, { headers: { authorization: token(role) }, ...init });
    const text = await reply.text();
    told += `${JSON.stringify([...reply.headers])}\n${text}\n`;
    return text.startsWith('{') ? JSON.parse(text) : text;
  };
  const post = (path: string, body: unknown, role = 'admin') =>
    ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { authorization: token(role), 'content-type': 'application/json' },
    });

  const description = (await ask('/openapi.json')) as { paths: Record<string, Record<string, unknown>> };
  const created = (await post('/v1/migrations', { orgId }, 'operator')) as { id?: string };
  if (created.id !== undefined) {
    await post(`/v1/migrations/${created.id}/start`, {}, 'operator');
    // The driver has met what refuses it.
    await expect
      .poll(() => ask(`/v1/migrations/${created.id}`), { timeout: 20_000 })
      .toMatchObject({ state: expect.not.stringMatching(/^planned/) });
  }
  const id = created.id ?? 'm-none';
  for (const [path, methods] of Object.entries(description.paths)) {
    const url = path.replace('{id}', id).replace('{name}', 'nexus-eu-1').replace('{homeRegion}', 'eu-west-2');
    if ('get' in methods) await ask(url.replace(/\{\w+\}/g, String(orgId)));
    // Taking a proxy out waits for its proof of death, for minutes.
    else if (!url.endsWith('/remove')) await post(url.replace(/\{\w+\}/g, String(orgId)), { reason: 'a look', orgId });
  }
  await ask('/metrics');
  await ask('/');
  const wrong = `Bearer ${scene.secrets.value('token-of-admin')}x`;
  await ask('/v1/migrations', { headers: { authorization: wrong } });
  await ask('/v1/migrations', { headers: { authorization: wrong.replace('Bearer', 'Basic') } });
  // As people do who cannot set a header.
  await ask(`/v1/migrations?token=${encodeURIComponent(scene.secrets.value('token-of-admin'))}`);
  await ask(`/v1/nothing?access_token=${encodeURIComponent(scene.secrets.value('token-of-admin'))}`);
  await post('/v1/migrations', { orgId, password: scene.secrets.value('store') });
  await ask('/v1/migrations', {
    method: 'POST',
    body: `{"orgId": 4, "password": "${scene.secrets.value('token-of-operator')}`,
    headers: { authorization: token('admin'), 'content-type': 'application/json' },
  });
  await ask('/v1/audit?limit=1000');
  return told;
}

describe.each<Mood>(['unreachable', 'refusing places', 'refusing all'])('hosts that are %s', (mood) => {
  it('serve: neither log nor API tells a secret', { timeout: 120_000 }, async () => {
    const config = await scene.config(mood);
    let answers = '';
    let ended = '';
    try {
      ended = await scene.serve(config, async (api) => {
        answers = await useApi(api);
      });
    } catch (error) {
      // A store that refuses its account ends the start: what was written then is looked through as well.
      ended = String(error);
      if (!ended.includes('the controller ended')) throw error;
    }
    expect(ended).toContain('"level"');
    expect(scene.secrets.shownIn(ended)).toEqual([]);
    expect(scene.secrets.shownIn(answers)).toEqual([]);
  });

  it('the command line tells none either', { timeout: 120_000 }, async () => {
    const config = await scene.config(mood);
    const commands = [
      ['diagnose', String(orgId), '--config', config],
      ['repair', String(orgId), '--config', config, '--json'],
      ['fence', 'status', '--config', config, '--db-user', 'fence_owner'],
      ['fence', 'install', '--config', config, '--json'],
      ['fence', 'remove', '--config', config, '--db-user', 'fence_owner', '--reason', 'a look', '--json'],
      ['start', String(orgId), '--api', 'http://127.0.0.1:1', '--token', scene.secrets.value('token-of-admin')],
      ['start', '--nonsense', '--token', scene.secrets.value('token-of-admin')],
    ];
    const variables = {
      BIGDB_CUTOVER_DB_PASSWORD: scene.secrets.value('db-user'),
      BIGDB_CUTOVER_TOKEN: scene.secrets.value('token-of-admin'),
      BIGDB_CUTOVER_SECOND_TOKEN: scene.secrets.value('token-of-operator'),
    };
    for (const command of commands) {
      const told = await scene.run(command, variables);
      if (mood !== 'unreachable' || command[0] === 'fence') expect(told, command.join(' ')).not.toBe('');
      expect(scene.secrets.shownIn(told), command.join(' ')).toEqual([]);
    }
  });
});
