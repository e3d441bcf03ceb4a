import { afterAll, beforeAll, expect, it } from 'vitest';
import { Stage } from './stage.ts';
import { allThere, SteadyWriter, stopAndLook } from './writer.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ orgs: 4, rows: 50 });
});
afterAll(() => stage?.stop());

const post = (path: string, role: 'operator' | 'approver', body: unknown) => stage.api.post(path, role, body);

it('a freeze: nothing starts, no flip begins, a way back goes on; lifted, the flip that waited begins', async () => {
  const [soaking, ready, fresh] = [stage.org(0).orgId, stage.org(1).orgId, stage.org(2).orgId];
  const gone = await stage.toReady(soaking);
  await stage.toSoaking(gone);
  const waiting = await stage.toReady(ready);
  const writer = await SteadyWriter.start(stage, ready);

  await post('/v1/freeze', 'operator', { reason: 'incident 7' });
  const { id } = await stage.api.create(fresh);
  expect(await stage.refusal(stage.api.command(id, 'start'))).toMatchObject({
    status: 409,
    problem: { code: 'FROZEN', details: { reason: 'incident 7' } },
  });
  await stage.api.command(waiting, 'approve');
  await stage.until(
    waiting,
    'waiting for the freeze to be lifted',
    ({ state, waitsFor }) => state === 'flipping.prepare' && (waitsFor?.includes('incident 7') ?? false),
  );
  await stage.api.command(gone, 'rollback');
  await stage.until(gone, 'rolledBack', ({ state }) => state === 'rolledBack');
  expect(await stage.api.get(waiting)).toMatchObject({ state: 'flipping.prepare', serving: 'source' });
  expect(writer.longestHoldMs).toBeLessThan(3_000);

  await post('/v1/unfreeze', 'approver', { reason: 'over' });
  await stage.untilState(waiting, 'soaking');
  await stage.api.command(id, 'start');
  expect(await stopAndLook(stage, [writer], stage.cluster)).toEqual(allThere);
});

it('who started a move, though another one planned it, neither approves it nor has its rows repaired', async () => {
  const { orgId } = stage.org(3);
  const { id } = await stage.api.create(orgId);
  await post(`/v1/migrations/${id}/start`, 'approver', {});
  await stage.untilState(id, 'ready');
  const refused = { status: 403, problem: { code: 'SECOND_PERSON_NEEDED' } };
  expect(await stage.refusal(post(`/v1/migrations/${id}/approve`, 'approver', {}))).toMatchObject(refused);
  expect(await stage.refusal(post(`/v1/migrations/${id}/repair-rows`, 'approver', {}))).toMatchObject(refused);
  await stage.api.command(id, 'cancel');
  await stage.until(id, 'cancelled', ({ state }) => state === 'cancelled');
});

it('everything that a cluster serves goes back by one command, and the audit log says who gave it', async () => {
  const reason = 'the cluster is to be rebuilt';
  const found = (await post('/v1/clusters/eu-west-2/rollback', 'operator', { reason })) as { begun: string[] };
  expect(found).toMatchObject({ homeRegion: 'eu-west-2', refused: [] });
  expect(found.begun).toHaveLength(1);
  const [id] = found.begun;
  await stage.until(id ?? '', 'rolledBack', ({ state }) => state === 'rolledBack');
  const { items } = (await stage.api.read('/v1/audit?limit=1000', 'operator')) as {
    items: { action: string; target: string; input: unknown; outcome: { status: number } | null }[];
  };
  expect(items.findLast(({ action }) => action.startsWith('POST '))).toMatchObject({
    actor: expect.any(String),
    action: 'POST /v1/clusters/:homeRegion/rollback',
    target: 'eu-west-2',
    input: { reason },
    outcome: { status: 200, code: null },
  });
  const served = items.filter(({ action }) => action.startsWith('served by '));
  expect(served.at(-1)).toMatchObject({ action: 'served by the source', input: { migrationId: id } });
  expect(served.at(-2)).toMatchObject({ action: 'served by the cluster', target: served.at(-1)?.target });
  expect(items.find(({ action }) => action === 'POST /v1/freeze')).toMatchObject({ input: { reason: 'incident 7' } });
});
