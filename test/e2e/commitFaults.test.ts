import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import type { ControllerProcess } from '../../infra/lab/estate/controllerProcess.ts';
import { settled } from '../conformance/proxysql/bench.ts';
import { Relay } from '../routing/relay.ts';
import { all, quickPolicy, refuseWrites, Stage } from './stage.ts';
import { allThere, SteadyWriter, stopAndLook } from './writer.ts';

// The owner reaches its store through a link that breaks at the very commit; everybody else has another way.

/** How long a proxy lets a query wait, with room for a slow machine (milliseconds). */
const patienceMs = 9_000;
/** Budget, lease and what a busy machine needs: clients may wait so long when the owner can do nothing any more (milliseconds). */
const longestWithoutOwnerMs = quickPolicy.flipBudgetMs + 2_000 + 4_500;

let stage: Stage;
let link: Relay;
let cutOff: ControllerProcess;
const ready: { readonly orgId: number; readonly id: string }[] = [];
beforeAll(async () => {
  // Errors and a cluster that refuses writes are part of some tests: nobody goes back for them.
  stage = await Stage.start({ orgs: 7, rows: 100, policy: { onUnhealthy: 'alert', onErrorRate: 'alert' } });
  link = await Relay.start(stage.lab.control.store.port);
  await stage.controller.stop();
  cutOff = await stage.startController((config) => {
    config.store.port = link.port;
  });
  // The last one is to stay where a standby has put it.
  ready.push(
    ...(await all(
      stage.lab.orgs.map(async ({ orgId }, index) => ({
        orgId,
        id: await stage.toReady(orgId, index === 6 ? { flipTries: 1 } : {}),
      })),
    )),
  );
});
afterAll(async () => {
  await stage?.stop();
  await link?.close();
});

let orgId: number;
let id: string;
let writers: SteadyWriter[];
beforeEach(async () => {
  const next = ready.shift();
  if (next === undefined) throw new Error('one org for each test');
  ({ orgId, id } = next);
  writers = await SteadyWriter.startAll(stage, orgId);
});
afterEach(() => link.mend());

/** Breaks the link where the commit's answer is due; `landed` says whether the store has got it. */
async function loseTheAnswer(landed: boolean): Promise<void> {
  const lost = link.breakAt({ after: ["SET decision = 'commit'", 'COMMIT'], delivered: landed });
  await stage.api.command(id, 'approve');
  await lost;
}

/** Clients wait, reads too, on every proxy, while the owner asks the store again and again. */
async function everybodyWaits(): Promise<{ reading: Promise<unknown> }> {
  const written = writers.map(({ acknowledged }) => acknowledged.length);
  const reader = await stage.client(orgId, 0);
  const reading = reader.query('SELECT COUNT(*) FROM CdrTasks WHERE OrgID = ?', [orgId]);
  const answered = settled(reading);
  const asked = link.refused;
  await pollUntil('the owner to ask again', async () => link.refused > asked + 10);
  expect(await stage.routeStates(orgId)).toEqual(['parked', 'parked']);
  expect(writers.map(({ acknowledged }) => acknowledged.length)).toEqual(written);
  expect(answered()).toBe(false);
  return { reading };
}

const moreWrites = (by: readonly SteadyWriter[]) => {
  const before = by.map(({ acknowledged }) => acknowledged.length);
  return pollUntil('writes to go on', async () =>
    by.every(({ acknowledged }, index) => acknowledged.length > (before[index] ?? 0) + 5),
  );
};

async function allOnCluster(unhurt = writers, longestMs = patienceMs): Promise<void> {
  await moreWrites(writers);
  await stage.untilState(id, 'soaking');
  expect(await stage.routeStates(orgId)).toEqual(['cluster', 'cluster']);
  expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
  expect(unhurt.flatMap(({ errors }) => errors)).toEqual([]);
  for (const writer of unhurt) expect(writer.longestHoldMs).toBeLessThan(longestMs);
}

describe('the answer to the commit is lost', () => {
  it.each([
    ['the commit has landed', true],
    ['the commit has not landed', false],
  ])('%s: the org is held until the owner has read the decision, then it is on the cluster', async (_, landed) => {
    await loseTheAnswer(landed);
    const { reading } = await everybodyWaits();
    link.mend();
    await reading;
    await allOnCluster();
    const { attempts } = await stage.api.get(id);
    expect(attempts.map(({ decision }) => decision)).toEqual(['commit']);
    await stage.toCompleted(id);
  });
});

describe('a cluster that refuses writes behind the commit', () => {
  it('holds nobody beyond the budget: clients read there, and write as soon as it takes writes', async () => {
    await loseTheAnswer(true);
    await refuseWrites(stage.cluster, true);
    try {
      link.mend();
      await pollUntil('the end of the hold', async () =>
        (await stage.routeStates(orgId)).every((state) => state === 'cluster'),
      );
      const reader = await stage.client(orgId);
      await reader.query('SELECT COUNT(*) FROM CdrTasks WHERE OrgID = ?', [orgId]);
      await stage.until(id, 'waiting for the fence', ({ waitsFor }) => waitsFor?.startsWith('the fence at') === true);
    } finally {
      await refuseWrites(stage.cluster, false);
    }
    await moreWrites(writers);
    await stage.untilState(id, 'soaking');
    expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
    const codes = new Set(writers.flatMap(({ errors }) => errors.map(({ code }) => code)));
    expect([...codes].filter((code) => !/^ER_(OPTION_PREVENTS_STATEMENT|SIGNAL_EXCEPTION)$/.test(code))).toEqual([]);
    await stage.toCompleted(id);
  });
});

describe('a proxy, behind the commit', () => {
  it('that is down: the others serve from the cluster, and it comes back held, then follows', async () => {
    const [first] = writers as [SteadyWriter, SteadyWriter];
    await loseTheAnswer(true);
    await stage.proxy(1).kill('SIGKILL');
    link.mend();
    await moreWrites([first]);
    await pollUntil('a note that names the proxy', async () =>
      (await stage.api.events(id)).some(({ message }) => message.includes(`still held at ${stage.proxy(1).name}`)),
    );
    // Whoever would bring it stands still, so that it is as it came from its disk.
    await stage.controller.kill('SIGSTOP');
    try {
      await stage.proxy(1).restart();
      expect((await stage.routeStates(orgId))[1]).toBe('parked');
    } finally {
      await stage.controller.kill('SIGCONT');
    }
    await allOnCluster([first]);
    await stage.toCompleted(id);
  });

  it('that restarts after the release is on the cluster again, with nobody to bring it there', async () => {
    const [first, second] = writers as [SteadyWriter, SteadyWriter];
    await stage.toSoaking(id);
    await stage.controller.kill('SIGSTOP');
    try {
      await stage.proxy(1).restart();
      expect(await stage.routeStates(orgId)).toEqual(['cluster', 'cluster']);
      await moreWrites([first, second]);
    } finally {
      await stage.controller.kill('SIGCONT');
    }
    expect(second.errors.map(({ code }) => code)).not.toContain('ER_SIGNAL_EXCEPTION');
    await allOnCluster([first]);
    await stage.toCompleted(id);
  });
});

describe('an owner that is cut off at its commit, with a standby there', () => {
  let standby: ControllerProcess;
  beforeEach(async () => {
    standby = await stage.startController();
  });
  afterEach(async () => {
    link.mend();
    await standby.stop();
  });

  const letGo = () =>
    pollUntil('the old owner to let go', async () =>
      (await readFile(cutOff.logFile, 'utf8'))
        .split('\n')
        .some((line) => line.includes(id) && /lost to another controller|letting go of the migration/.test(line)),
    );

  it('the commit has landed: the standby takes the org to the cluster, and the old owner changes nothing more', async () => {
    await loseTheAnswer(true);
    await moreWrites(writers);
    link.mend();
    await letGo();
    await allOnCluster(writers, longestWithoutOwnerMs);
    const { attempts, owner } = await stage.api.get(id);
    expect(attempts.map(({ decision }) => decision)).toEqual(['commit']);
    expect(owner).toContain(standby.name);
    await stage.toCompleted(id);
  });

  it('the commit has not landed: the standby aborts, the source serves, and the late commit finds it decided', async () => {
    await loseTheAnswer(false);
    await moreWrites(writers);
    await stage.untilState(id, 'ready');
    link.mend();
    await letGo();
    await moreWrites(writers);
    expect(await stage.routeStates(orgId)).toEqual(['source', 'source']);
    expect((await stage.api.get(id)).attempts.map(({ decision }) => decision)).toEqual(['abort']);
    const [site] = stage.sites;
    expect(await stopAndLook(stage, writers, site ?? stage.cluster)).toEqual(allThere);
    expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
    for (const writer of writers) expect(writer.longestHoldMs).toBeLessThan(longestWithoutOwnerMs);
  });
});
