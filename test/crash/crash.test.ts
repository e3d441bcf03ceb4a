import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiRefusal, LabApi } from '../../infra/lab/demo/api.ts';
import { failpointNames, purgeFailpoints } from '../../src/failpoints/names.ts';
import { all } from '../e2e/stage.ts';
import { allThere, stopAndLook } from '../e2e/writer.ts';
import { afterCommit, beforeHold, inAbort, inHold, type KillCase } from './points.ts';
import { type Mover, Rig } from './rig.ts';

/** Orgs that lose their controller at once, each at a point of its own. */
const orgs = 18;
const patienceMs = 1_500_000;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start(orgs + 2);
  await everyOrgToReady();
}, patienceMs);
afterAll(() => rig?.stop());

const everyOrgToReady = () => all(Array.from({ length: orgs }, (_, index) => rig.toReady(index)));

type Direction = 'forward' | 'back';
const times: { readonly point: string; readonly direction: Direction; readonly ms: number }[] = [];

/** What the point is reached with: the migration, its task, or the org. */
async function keyOf(point: string, { orgId, id }: Mover, direction: Direction): Promise<string> {
  if (point.startsWith('store.')) return id;
  if (!point.startsWith('dms.')) return String(orgId);
  const { tasks } = await rig.stage.lab.dms.faults.state();
  const generations = tasks
    .map(({ identifier }) => /-org(\d+)-\w+-g(\d+)$/.exec(identifier))
    .filter((match) => Number(match?.[1]) === orgId)
    .map((match) => Number(match?.[2]));
  const ofForwardTask = direction === 'forward' && /^dms\.(stop|delete)/.test(point);
  return `bigdb-org${orgId}-${ofForwardTask ? 'forward' : 'reverse'}-g${Math.max(...generations)}`;
}

/** Lets each org come to its point, kills whoever owns them there, and waits until all are served and at rest. */
async function killAt(cases: readonly KillCase[], direction: Direction, rest: string): Promise<void> {
  const rounds = Math.ceil(cases.length / orgs);
  const size = Math.ceil(cases.length / rounds);
  for (let from = 0; from < cases.length; from += size) {
    await killTogether(
      cases.slice(from, from + size).map((each, n) => ({ ...each, mover: rig.movers[n] as Mover })),
      direction,
      rest,
    );
  }
}

async function killTogether(batch: readonly Case[], direction: Direction, rest: string): Promise<void> {
  const ids = batch.map(({ mover }) => mover.id);
  let armed = await all(batch.map((each) => pointsOf(each, direction)));
  const failing = armed.flatMap(({ failing }) => failing);
  const second = armed.flatMap(({ second }) => second);
  await rig.refill();
  await rig.arm([...failing, ...armed.map(({ first }) => first)]);
  await begin(ids, direction);
  await rig.untilReached(async (left) => {
    armed = await againWhereMissed(batch, armed, left, direction);
  });
  let killedAtMs = await rig.killOwners(ids, second);
  if (second.length > 0) {
    await rig.untilReached();
    killedAtMs = await rig.killOwners(ids, []);
  }
  const served = await all(batch.map(({ mover }) => rig.untilServed(mover, killedAtMs)));
  for (const [n, { point, held }] of batch.entries()) if (held) times.push({ point, direction, ms: served[n] ?? 0 });
  void rig.refill();
  await rig.untilState(ids, rest, again(direction, rest));
  expect(batch.flatMap(({ mover }) => mover.writers.flatMap(({ errors }) => errors))).toEqual([]);
}

/** The store says that an org is back a moment before its controller comes to the point behind that (milliseconds). */
const surelyMissedMs = 10_000;

/** What is armed for one org, each as the controllers know it. */
interface Points {
  readonly id: string;
  /** Attempts at flips that the org had behind it when this was armed. */
  readonly attempts: number;
  /** Since when (monotonic milliseconds) it is back from another one, its point still armed. */
  missedAtMs: number | null;
  readonly failing: readonly string[];
  readonly first: string;
  readonly second: readonly string[];
}

type Case = KillCase & { readonly mover: Mover };

async function pointsOf({ mover, point, firstAt, failsAt }: Case, direction: Direction): Promise<Points> {
  const at = async (name: string, action: string) => `${name}@${await keyOf(name, mover, direction)}=${action}`;
  return {
    id: mover.id,
    attempts: (await rig.api.get(mover.id)).attempts.length,
    missedAtMs: null,
    failing: failsAt === undefined ? [] : [await at(failsAt, 'throw')],
    first: await at(firstAt ?? point, 'hang'),
    second: firstAt === undefined ? [] : [await at(point, 'hang')],
  };
}

/** Sends those off again that are back where they began while their point is still armed; resolves to what is armed now. */
function againWhereMissed(
  batch: readonly Case[],
  armed: readonly Points[],
  left: readonly string[],
  direction: Direction,
): Promise<Points[]> {
  const from = direction === 'forward' ? 'ready' : 'needsOperator';
  return all(
    armed.map(async (points, n) => {
      const each = batch[n];
      if (each === undefined || !left.includes(points.first)) return points;
      const { state, attempts } = await rig.api.get(points.id);
      if (state !== from || attempts.length === points.attempts) return points;
      points.missedAtMs ??= performance.now();
      if (performance.now() - points.missedAtMs < surelyMissedMs) return points;
      // Its task may have another name by now.
      const anew = await pointsOf(each, direction);
      await rig.rearm(points.first, [...anew.failing, anew.first]);
      await rig.command(points.id, direction === 'forward' ? 'approve' : 'retry').catch((error: unknown) => {
        // It has been taken up meanwhile.
        if (!(error instanceof ApiRefusal)) throw error;
      });
      return anew;
    }),
  );
}

/** The flip there, or the way back, also after an attempt at it that was aborted. */
function begin(ids: readonly string[], direction: Direction): Promise<unknown> {
  return all(
    ids.map(async (id) => {
      if (direction === 'forward') return rig.commandFrom('ready', id, 'approve');
      const { state } = await rig.api.get(id);
      return rig.command(id, state === 'needsOperator' ? 'retry' : 'rollback');
    }),
  );
}

/** For an org that is to get there: what takes it up again when a busy machine has spent the budget of a flip. */
const again = (direction: Direction, rest: string) => {
  const from = direction === 'forward' ? 'ready' : 'needsOperator';
  if (rest === from) return null;
  return { from, command: direction === 'forward' ? 'approve' : 'retry' } as const;
};

/** Those that no point was left for go the same way undisturbed. */
async function others(cases: number, direction: Direction, rest: string): Promise<void> {
  const ids = rig.movers.slice(cases).map(({ id }) => id);
  await begin(ids, direction);
  await rig.untilState(ids, rest, again(direction, rest));
}

describe('a controller that is killed, its org under write: another one takes over, no client sees an error', () => {
  const finals = {
    forward: [...beforeHold.forward, ...afterCommit.forward],
    back: [...beforeHold.back, ...afterCommit.back],
  };
  const turn = (direction: Direction, n: number) => finals[direction].slice(n * orgs, (n + 1) * orgs);

  it(
    'before the hold of a flip, and behind its commit: the org gets there',
    async () => {
      await killAt(turn('forward', 0), 'forward', 'soaking');
      await others(turn('forward', 0).length, 'forward', 'soaking');
    },
    patienceMs,
  );

  it(
    'in the hold of the way back: the cluster goes on serving',
    async () => {
      await killAt(inHold.back, 'back', 'needsOperator');
    },
    patienceMs,
  );

  it(
    'in an abort of the way back: the cluster goes on serving',
    async () => {
      await killAt(inAbort.back, 'back', 'needsOperator');
    },
    patienceMs,
  );

  it(
    'before the hold of the way back, and behind its commit: the org gets there',
    async () => {
      await killAt(turn('back', 0), 'back', 'rolledBack');
      await others(turn('back', 0).length, 'back', 'rolledBack');
      await everyOrgToReady();
    },
    patienceMs,
  );

  it(
    'in the hold of a flip: the source goes on serving',
    async () => {
      await killAt(inHold.forward, 'forward', 'ready');
    },
    patienceMs,
  );

  it(
    'in an abort of a flip: the source goes on serving',
    async () => {
      await killAt(inAbort.forward, 'forward', 'ready');
    },
    patienceMs,
  );

  it(
    'at the other points behind the commit, there and back',
    async () => {
      await killAt(turn('forward', 1), 'forward', 'soaking');
      await others(turn('forward', 1).length, 'forward', 'soaking');
      await killAt(turn('back', 1), 'back', 'rolledBack');
    },
    patienceMs,
  );

  it(
    'and one of two that have the same name: each has its own migrations, and keeps them',
    async () => {
      const twins = await all(
        [1, 2].map(() => rig.add((config) => Object.assign(config.controller, { name: 'twin' }))),
      );
      const made: { id: string; owner: string | null; epoch: number }[] = [];
      for (const [n, twin] of twins.entries()) {
        const api = new LabApi(() => twin.api, rig.stage.lab.tokens);
        made.push(await api.create(rig.stage.org(orgs + n).orgId));
      }
      expect(new Set(made.map(({ owner }) => owner)).size).toBe(2);
      for (const { owner } of made) expect(owner).toMatch(/^twin-[0-9a-f]{8}$/);
      await rig.untilRounds();
      for (const { id, owner, epoch } of made) expect(await rig.api.get(id)).toMatchObject({ owner, epoch });
      // SIGTERM hands over at once, SIGKILL after the lease.
      await Promise.all(twins.map((twin, n) => (n === 0 ? twin.stop() : twin.kill('SIGKILL'))));
      for (const { id, owner } of made) {
        await rig.untilOwned(id, (now) => now !== owner);
        await rig.command(id, 'cancel');
        await rig.untilState([id], 'cancelled');
      }
    },
    patienceMs,
  );

  it('and no acknowledged write is lost or there twice', async () => {
    for (const { id, writers } of rig.movers) {
      const { serving } = await rig.api.get(id);
      const [site] = rig.stage.sites;
      const server = serving === 'cluster' ? rig.stage.cluster : (site ?? rig.stage.cluster);
      expect(await stopAndLook(rig.stage, writers, server)).toEqual(allThere);
      expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
    }
  });

  it('every failpoint was reached', async () => {
    expect([...(await rig.reached())].filter((name) => failpointNames.includes(name)).sort()).toEqual(
      failpointNames.filter((name) => !purgeFailpoints.includes(name)).sort(),
    );
  });

  it('prints how long the clients of a held org waited for the next controller', () => {
    const sorted = times.map(({ ms }) => Math.round(ms)).sort((x, y) => x - y);
    const lines = times.map(
      ({ point, direction, ms }) => `${String(Math.round(ms)).padStart(6)}  ${direction} ${point}`,
    );
    const acknowledged = rig.movers.flatMap(({ writers }) => writers.flatMap((writer) => writer.acknowledged.length));
    const longest = Math.max(...rig.movers.flatMap(({ writers }) => writers.map(({ longestWaitMs }) => longestWaitMs)));
    console.log(
      [
        `from SIGKILL to served again (ms; lease ${rig.leaseMs} ms)`,
        ...lines.sort(),
        `${times.length} points: median ${sorted[sorted.length >> 1]}, worst ${sorted.at(-1)}; longest write ${Math.round(longest)}`,
        `${acknowledged.reduce((sum, n) => sum + n, 0)} acknowledged writes, all there`,
      ].join('\n'),
    );
    expect(times.length).toBeGreaterThan(0);
  });
});

describe('a controller that is frozen in a hold and goes on after the take-over changes nothing', () => {
  it.each([
    ['flip.fence.after', 'ready'],
    ['proxy.park.changed', 'ready'],
    ['store.decide.before', 'ready'],
    ['flip.abort.before', 'ready'],
    ['flip.release.before', 'soaking'],
  ])(
    'at %s; the org is in %s',
    async (point, rest) => {
      const mover = rig.movers[orgs] ?? (await rig.toReady(orgs));
      const { id, orgId } = mover;
      await rig.refill();
      const { epoch } = await rig.api.get(id);
      const reason = point === 'flip.abort.before' ? [`flip.marker.before@${orgId}=throw`] : [];
      await rig.arm([...reason, `${point}@${await keyOf(point, mover, 'forward')}=stop`]);
      const late = await rig.ownerOf(id);
      await rig.commandFrom('ready', id, 'approve');
      await rig.untilReached();
      const stoppedAtMs = performance.now();
      await rig.avoiding(late, async () => {
        await rig.untilServed(mover, stoppedAtMs);
        await rig.untilState([id], rest);
        await rig.untilOwned(id, (owner) => owner?.startsWith(`${late.name}-`) === false);
        const before = await whatItCouldChange(mover);
        await late.kill('SIGCONT');
        await rig.untilRefused(late, id);
        await rig.untilRounds();
        const after = await whatItCouldChange(mover);
        // On a busy machine a third one may have taken over meanwhile, rightly.
        if (after.status.epoch === before.status.epoch) expect(after).toEqual(before);
        for (const found of [...after.fences.flat().map((row) => Number(row.epoch)), ...epochsIn(after)]) {
          expect(found).toBeGreaterThan(epoch);
        }
      });
      expect(mover.writers.flatMap(({ errors }) => errors)).toEqual([]);
    },
    patienceMs,
  );

  /** Epochs that the comments of the rules carry. */
  const epochsIn = (rules: { readonly memory: unknown; readonly runtime: unknown; readonly disk: unknown }) =>
    [...JSON.stringify([rules.memory, rules.runtime, rules.disk]).matchAll(/ epoch=(\d+)/g)].map((match) =>
      Number(match[1]),
    );

  /** Routes of every layer at every proxy, fences, tasks, attempts. */
  async function whatItCouldChange({ orgId, id }: Mover) {
    const { stage } = rig;
    const rules = (layer: string) =>
      all(
        stage.lab.proxies.map((_, index) =>
          stage.admin(
            index,
            `SELECT rule_id, active, destination_hostgroup, comment FROM ${layer}mysql_query_rules
              WHERE comment LIKE '% org=${orgId} %' ORDER BY rule_id`,
          ),
        ),
      );
    const fences = await all(
      [...stage.sites, stage.cluster].map((server) =>
        stage.at(server, 'SELECT place, writer, epoch FROM bigdb_cutover.fence WHERE org_id = ? ORDER BY place', [
          orgId,
        ]),
      ),
    );
    const { tasks } = await stage.lab.dms.faults.state();
    const { attempts, serving, owner, epoch } = await rig.api.get(id);
    return {
      memory: await rules(''),
      runtime: await rules('runtime_'),
      disk: await rules('disk.'),
      fences,
      tasks: tasks
        .filter(({ identifier }) => identifier.includes(`-org${orgId}-`))
        .map(({ identifier, status }) => ({ identifier, status })),
      attempts,
      status: { serving, owner, epoch },
    };
  }
});
