import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { all, quickPolicy, Stage } from './stage.ts';
import { allThere, openTransaction, SteadyWriter, stopAndLook } from './writer.ts';

/** What a client may wait for a write when an attempt is aborted, on a machine that is busy (milliseconds). */
const longestWaitMs = quickPolicy.flipBudgetMs + 5_000;

/** How long a proxy lets a query wait for a connection, with room for a slow machine (milliseconds). */
const patienceMs = 9_000;

let stage: Stage;
/** Orgs that are ready to be flipped, each for one test. */
const ready: { readonly orgId: number; readonly id: string }[] = [];
beforeAll(async () => {
  stage = await Stage.start({ orgs: 9, rows: 200 });
  ready.push(
    ...(await all(stage.lab.orgs.slice(0, 8).map(async ({ orgId }) => ({ orgId, id: await stage.toReady(orgId) })))),
  );
});
afterAll(() => stage?.stop());

let orgId: number;
let id: string;
let writers: SteadyWriter[];
/** An org that never moves: its clients must not notice anything. */
let bystander: SteadyWriter;
beforeEach(async () => {
  const next = ready.shift();
  if (next === undefined) throw new Error('one org for each test');
  ({ orgId, id } = next);
  writers = await SteadyWriter.startAll(stage, orgId);
  bystander = await SteadyWriter.start(stage, stage.org(8).orgId, 0);
});

/** At the end the org is on the cluster, every acknowledged row with it, and nobody at a working proxy saw an error. */
async function allIsWell(unhurt: readonly SteadyWriter[] = writers): Promise<void> {
  await stage.untilState(id, 'soaking');
  expect(await stage.routeStates(orgId)).toEqual(['cluster', 'cluster']);
  expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
  expect(unhurt.flatMap(({ errors }) => errors)).toEqual([]);
  expect(await stopAndLook(stage, [bystander], stage.sites[0] ?? stage.cluster)).toEqual(allThere);
  expect(bystander.errors).toEqual([]);
  expect(bystander.longestHoldMs).toBeLessThan(2_500);
  await stage.toCompleted(id);
}

/** Approves again where the tries were spent meanwhile. */
async function untilOnCluster(): Promise<void> {
  await pollUntil(
    'the org to be on the cluster',
    async () => {
      const { state } = await stage.api.get(id);
      if (state === 'ready') await stage.api.command(id, 'approve');
      return state.startsWith('soaking');
    },
    { everyMs: 100 },
  );
}

const phasesOf = (attempt: { phases: readonly { phase: string }[] }) => attempt.phases.map(({ phase }) => phase);

describe('a proxy', () => {
  it('that is frozen before the hold: nobody is held, and the next attempt after the thaw succeeds', async () => {
    const frozen = stage.proxy(1);
    frozen.freeze();
    try {
      await stage.api.command(id, 'approve');
      const refused = await stage.until(id, 'ready again', ({ state, reason }) => state === 'ready' && reason !== null);
      expect(refused).toMatchObject({
        serving: 'source',
        reason: {
          code: expect.stringMatching(/^(PROXY_UNAVAILABLE|FLIP_NOT_READY)$/),
          message: expect.stringContaining(frozen.name),
          remedy: expect.any(String),
        },
      });
      expect(refused.attempts.flatMap(phasesOf)).not.toContain('hold');
      expect(writers[0]?.longestHoldMs).toBeLessThan(2_500);
    } finally {
      frozen.thaw();
    }
    await stage.api.command(id, 'approve');
    await allIsWell();
  });

  it('that freezes in the hold: the attempt is aborted, the others serve from the source at once, and it follows after the thaw', async () => {
    const frozen = stage.proxy(1);
    const transaction = await openTransaction(stage, orgId, 0);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId, 1);
    frozen.freeze();
    const frozenAtMs = performance.now();
    try {
      await transaction.end();
      const aborted = await stage.untilAborted(id);
      expect(aborted.decision).toBe('abort');
      const [healthy] = writers as [SteadyWriter];
      const written = healthy.acknowledged.length;
      await pollUntil('the other proxy to serve', async () => healthy.acknowledged.length > written, {
        timeoutMs: 60_000,
      });
      expect(healthy.longestHoldMs).toBeLessThan(longestWaitMs);
      // As long as it does not answer it stays held, which is safe, and the status names it.
      const status = await stage.until(id, 'a status that names the proxy', (now) =>
        `${now.waitsFor} ${now.reason?.message}`.includes(frozen.name),
      );
      expect(status.serving).toBe('source');
    } finally {
      frozen.thaw();
    }
    const frozenMs = performance.now() - frozenAtMs;
    await untilOnCluster();
    // Its clients waited; they got an error only if that was longer than a proxy lets a query wait.
    await allIsWell(frozenMs < patienceMs ? writers : writers.slice(0, 1));
  });

  it('that is down before the hold: nobody is held, and with it the next attempt succeeds', async () => {
    const [first] = writers as [SteadyWriter];
    await stage.proxy(1).kill('SIGKILL');
    try {
      await stage.api.command(id, 'approve');
      const refused = await stage.until(id, 'ready again', ({ state, reason }) => state === 'ready' && reason !== null);
      expect(refused).toMatchObject({
        serving: 'source',
        reason: {
          code: expect.stringMatching(/^(PROXY_UNAVAILABLE|FLIP_NOT_READY)$/),
          message: expect.stringContaining(stage.proxy(1).name),
        },
      });
      expect(refused.attempts.flatMap(phasesOf)).not.toContain('hold');
      expect(first.longestHoldMs).toBeLessThan(2_500);
    } finally {
      await stage.proxy(1).restart();
    }
    await untilOnCluster();
    await allIsWell([first]);
  });

  it('that dies in the hold: the attempt is aborted, the others serve from the source, and it follows when it is back', async () => {
    const [first, second] = writers as [SteadyWriter, SteadyWriter];
    const transaction = await openTransaction(stage, orgId, 0);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId, 1);
    await stage.proxy(1).kill('SIGKILL');
    try {
      await transaction.end();
      expect((await stage.untilAborted(id)).decision).toBe('abort');
      const written = first.acknowledged.length;
      await pollUntil('the other proxy to serve', async () => first.acknowledged.length > written);
      expect(first.longestHoldMs).toBeLessThan(longestWaitMs);
    } finally {
      await stage.proxy(1).restart();
    }
    await untilOnCluster();
    expect(second.errors.map(({ code }) => code)).not.toContain('ER_SIGNAL_EXCEPTION');
    await allIsWell([first]);
  });

  it('that restarts in the hold comes back with the hold from disk, and with the source after the abort', async () => {
    const [first, second] = writers as [SteadyWriter, SteadyWriter];
    const transaction = await openTransaction(stage, orgId, 0);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId, 1);
    // Whoever would bring it stands still, so that it is as it came from its disk.
    await stage.controller.kill('SIGSTOP');
    try {
      await stage.proxy(1).restart();
      expect((await stage.routeStates(orgId))[1]).toBe('held');
    } finally {
      await stage.controller.kill('SIGCONT');
    }
    await transaction.end();
    await untilOnCluster();
    // Connections through it were cut; whoever connects again finds the org where it is.
    expect(second.errors.map(({ code }) => code)).not.toContain('ER_SIGNAL_EXCEPTION');
    await allIsWell([first]);
  });

  it('that restarts between two attempts has lost nothing: the flip goes through', async () => {
    const [first] = writers as [SteadyWriter];
    const transaction = await openTransaction(stage, orgId, 0);
    await stage.api.command(id, 'approve');
    await stage.untilAborted(id);
    await stage.proxy(1).restart();
    await transaction.end();
    await untilOnCluster();
    await allIsWell([first]);
  });

  it('on which somebody edits rules: no hold while the edit is not loaded, and none of it is published', async () => {
    const edit = `INSERT INTO mysql_query_rules (rule_id, active, username, destination_hostgroup, apply, comment)
      VALUES (55, 1, 'org_${stage.org(8).orgId}', 20, 1, 'half an idea')`;
    await stage.admin(1, edit);
    try {
      await stage.api.command(id, 'approve');
      const refused = await stage.until(
        id,
        'ready again',
        ({ state, reason }) => state === 'ready' && reason?.code === 'PROXY_MEMORY_DIFFERS',
      );
      expect(refused).toMatchObject({
        serving: 'source',
        reason: {
          message: expect.stringContaining(stage.proxy(1).name),
          remedy: expect.stringContaining('load or discard'),
          details: { table: 'mysql_query_rules', rows: [expect.objectContaining({ rule_id: '55' })] },
        },
      });
      expect(refused.attempts.flatMap(phasesOf)).not.toContain('hold');
      expect(await stage.admin(1, 'SELECT * FROM runtime_mysql_query_rules WHERE rule_id = 55')).toEqual([]);
      for (const writer of writers) expect(writer.longestHoldMs).toBeLessThan(2_500);
    } finally {
      await stage.admin(1, 'DELETE FROM mysql_query_rules WHERE rule_id = 55');
    }
    await stage.api.command(id, 'approve');
    await allIsWell();
  });

  it('whose runtime another tool changes in the hold: the attempt is aborted, and the next one succeeds', async () => {
    const transaction = await openTransaction(stage, orgId, 0);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId, 1);
    await stage.admin(
      1,
      `UPDATE mysql_query_rules SET comment = 'mine now' WHERE comment LIKE '% org=${orgId} %' AND active = 1`,
      'LOAD MYSQL QUERY RULES TO RUNTIME',
    );
    await transaction.end();
    await stage.untilAborted(id);
    // Nobody but an operator can say whose the rule is: he gives it back its comment.
    await stage.admin(
      1,
      `UPDATE mysql_query_rules SET comment = (SELECT comment FROM mysql_query_rules WHERE comment LIKE '% org=${orgId} %')
         WHERE comment = 'mine now'`,
    );
    await untilOnCluster();
    await allIsWell();
  });
});
