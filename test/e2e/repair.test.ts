import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { run } from '../../src/cli/run.ts';
import { Stage } from './stage.ts';
import { allThere, SteadyWriter, stopAndLook } from './writer.ts';

let stage: Stage;
let config: string;
let env: Record<string, string>;
beforeAll(async () => {
  stage = await Stage.start({ orgs: 6, rows: 50 });
  const lab = stage.lab.config('operator');
  config = join(stage.lab.baseDir, 'operator.yaml');
  env = { ...lab.env, BIGDB_CUTOVER_TOKEN: stage.lab.tokens.approver };
  await writeFile(config, lab.text, { mode: 0o600 });
});
afterAll(() => stage?.stop());

/** A command that goes to the databases itself, as an operator gives it. */
async function operator(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  return as({}, ...argv);
}

async function as(tokens: Record<string, string>, ...argv: string[]): ReturnType<typeof operator> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run(
    [...argv, '--config', config],
    { ...env, ...tokens },
    { out: (text) => void out.push(text), err: (text) => void err.push(text), screen: false },
    new AbortController().signal,
  );
  return { code, out: out.join(''), err: err.join('') };
}

const contradictions = async (orgId: number): Promise<string[]> => {
  const { out, err } = await operator('diagnose', String(orgId), '--json');
  expect(err).toBe('');
  return JSON.parse(out).contradictions.map(({ code, where }: { code: string; where: string }) => `${code} ${where}`);
};

/** Asks for the proposal, confirms it, and gives what the second command said. */
async function repaired(orgId: number, ...serve: string[]): Promise<string> {
  const proposed = await operator('repair', String(orgId), '--json', ...serve);
  expect(proposed).toMatchObject({ code: 1, err: '' });
  const { planId } = JSON.parse(proposed.out);
  const done = await operator('repair', String(orgId), '--confirm', planId, '--reason', 'a test', ...serve);
  expect(done).toMatchObject({ code: 0, err: '' });
  return done.out;
}

it('shows an org on the cluster as it is, and proposes nothing', async () => {
  const { orgId } = stage.org(0);
  const id = await stage.toReady(orgId);
  expect(await contradictions(orgId)).toEqual([]);
  await stage.toSoaking(id);
  const { code, out } = await operator('diagnose', String(orgId));
  expect(out).toMatch(/^state +soaking.* \(onCluster\)$/m);
  expect(out).toMatch(/^served by +cluster$/m);
  expect(out).toMatch(/no contradiction\n$/);
  expect(code).toBe(0);
  expect(await operator('repair', String(orgId))).toMatchObject({
    code: 0,
    out: expect.stringContaining('nothing to repair'),
  });
});

it('a controller dies in the hold and none comes: repair lets the org go on at the source, and a later controller takes it from there', async () => {
  const { orgId } = stage.org(1);
  const id = await stage.toReady(orgId);
  const writer = await SteadyWriter.start(stage, orgId);
  const blocker = await stage.client(orgId, 1);
  await blocker.query('START TRANSACTION');
  await blocker.query('UPDATE CallLogs SET CallerNumber = CallerNumber WHERE OrgID = ? ORDER BY CallLogID LIMIT 1', [
    orgId,
  ]);
  await stage.api.command(id, 'approve');
  await stage.untilHeld(orgId);
  await stage.controller.kill('SIGKILL');
  await blocker.query('COMMIT');
  await pollUntil('the owner to be missed', async () =>
    (await contradictions(orgId)).includes('OWNER_MISSING journal'),
  );
  expect(await stage.routeStates(orgId)).toContain('held');

  const wrong = await operator('repair', String(orgId), '--confirm', '000000000000', '--reason', 'a guess');
  expect(wrong).toMatchObject({ code: 3, err: expect.stringContaining('was confirmed') });
  await repaired(orgId);
  expect([...new Set(await stage.routeStates(orgId))]).toEqual(['source']);
  expect(await contradictions(orgId)).toEqual(['OWNER_MISSING journal']);
  const acknowledged = writer.acknowledged.length;
  await pollUntil('writes to go on', async () => writer.acknowledged.length > acknowledged + 5);

  await stage.startController();
  await stage.toSoaking(id);
  expect(await stopAndLook(stage, [writer], stage.cluster)).toEqual(allThere);
  const events = await stage.api.events(id);
  expect(events.filter(({ message }) => message.startsWith('repair by'))).toHaveLength(1);
});

it('puts right what hands have changed: a fence, a route, a stray task', async () => {
  const { orgId } = stage.org(2);
  const id = await stage.toReady(orgId);
  await stage.toSoaking(id);
  const [lon1] = stage.sites;
  if (lon1 === undefined) throw new Error('the lab has no site');
  await stage.at(lon1, "UPDATE bigdb_cutover.fence SET writer = 'clients' WHERE org_id = ? AND place = 'lon1'", [
    orgId,
  ]);
  await stage.admin(
    0,
    `UPDATE mysql_query_rules SET active = 0 WHERE comment LIKE '% org=${orgId} %'`,
    'LOAD MYSQL QUERY RULES TO RUNTIME',
  );
  const found = await contradictions(orgId);
  expect(found.slice(0, 2).map((each) => each.split(' ')[0])).toEqual(['TWO_FENCES_OPEN', 'TWO_SIDES_ROUTED']);
  expect(found).toEqual(expect.arrayContaining(['FENCE_UNEXPECTED lon1', expect.stringMatching(/^ROUTE_UNEXPECTED /)]));

  const { planId } = JSON.parse((await operator('repair', String(orgId), '--json')).out);
  const confirm = ['repair', String(orgId), '--confirm', planId, '--reason', 'a test', '--json'];
  const code = async (token: string) => JSON.parse((await as({ BIGDB_CUTOVER_TOKEN: token }, ...confirm)).err).code;
  expect(await code(stage.lab.tokens.operator)).toBe('ROLE_TOO_LOW');
  expect(await code('nobodys')).toBe('TOKEN_REFUSED');

  expect(await repaired(orgId)).toMatch(/^org \d+: 2 steps done; the cluster serves it$/m);
  const { items } = (await stage.api.read('/v1/audit?limit=1000', 'operator')) as { items: { action: string }[] };
  expect(items.filter(({ action }) => action === 'repair').at(-1)).toMatchObject({
    actor: 'lab-approver',
    target: String(orgId),
    input: { planId, reason: 'a test' },
    outcome: { status: 200, code: null },
  });
  await pollUntil('a controller to go on', async () => (await contradictions(orgId)).length === 0);
  await stage.toCompleted(id);
});

it('asks which side serves where journal and fences contradict each other', async () => {
  const { orgId } = stage.org(3);
  const id = await stage.toReady(orgId);
  await stage.toSoaking(id);
  for (const [index, site] of stage.sites.entries()) {
    await stage.at(
      site,
      `UPDATE bigdb_cutover.fence SET writer = 'clients' WHERE org_id = ? AND place = 'lon${index + 1}'`,
      [orgId],
    );
  }
  await stage.at(
    stage.cluster,
    "UPDATE bigdb_cutover.fence SET writer = 'nobody' WHERE org_id = ? AND place NOT LIKE 'lon%'",
    [orgId],
  );
  expect(await operator('repair', String(orgId))).toMatchObject({
    code: 3,
    err: expect.stringContaining('--serve source'),
  });
  await repaired(orgId, '--serve', 'source');
  const status = await stage.untilOperator(id);
  expect(status).toMatchObject({ serving: 'source', reason: { code: 'REPAIRED' } });
  expect([...new Set(await stage.routeStates(orgId))]).toEqual(['source']);
});

it('works without the store: reality alone says which side serves', async () => {
  const { orgId } = stage.org(4);
  const id = await stage.toReady(orgId);
  await stage.toSoaking(id);
  await stage.controller.stop();
  const changed = parse(stage.lab.config('operator').text);
  // Nothing listens there.
  changed.store.port = 1;
  await writeFile(config, stringify(changed), { mode: 0o600 });
  await stage.admin(
    1,
    `UPDATE mysql_query_rules SET active = 0 WHERE comment LIKE '% org=${orgId} %'`,
    'LOAD MYSQL QUERY RULES TO RUNTIME',
  );
  const found = await contradictions(orgId);
  expect(found).toEqual(expect.arrayContaining(['TWO_SIDES_ROUTED the fleet', 'JOURNAL_UNREADABLE journal']));
  // Nobody can say who started the move: another person stands by.
  const { planId } = JSON.parse((await operator('repair', String(orgId), '--json')).out);
  const confirm = ['repair', String(orgId), '--confirm', planId, '--reason', 'a test', '--json'];
  expect(JSON.parse((await operator(...confirm)).err)).toMatchObject({ code: 'SECOND_TOKEN_NEEDED' });
  const done = await as({ BIGDB_CUTOVER_SECOND_TOKEN: stage.lab.tokens.operator }, ...confirm);
  expect(done).toMatchObject({ code: 0, err: '' });
  expect(await contradictions(orgId)).toEqual(['JOURNAL_UNREADABLE journal']);
});

it.each([
  [['diagnose'], 2],
  [['diagnose', 'abc'], 2],
  [['repair', '42', '--serve', 'both'], 2],
  [['repair', '42', '--confirm', 'x', '--reason', 'y'], 2],
  [['repair', '42', '--confirm', '0123456789ab'], 2],
])('%j is refused as usage', async (argv, expected) => {
  expect((await operator(...argv)).code).toBe(expected);
});
