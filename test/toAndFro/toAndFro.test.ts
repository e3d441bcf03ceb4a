import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { LabApi } from '../../infra/lab/demo/api.ts';
import { disturbedOthers, othersRoutes } from '../../infra/lab/demo/others.ts';
import { clusterSide, servedBy } from '../../infra/lab/demo/served.ts';
import { type Lab, startLab } from '../../infra/lab/estate/lab.ts';
import { startWorkload, type Workload, type WorkloadCheck } from '../../infra/lab/workload/index.ts';
import { toAndFro } from './drive.ts';
import { Random } from './random.ts';
import { Stalls } from './stalls.ts';
import {
  historyOf,
  leftAtProxies,
  leftTasks,
  type OrgHistory,
  rowsAtClusters,
  unretiredAttempts,
  wrongFences,
} from './verdict.ts';

const movers = 10;
/** How often each org has to come to the cluster and back; less for a quick look. */
const times = Number(process.env.TO_AND_FRO_TIMES ?? 5);
const seed = Number(process.env.TO_AND_FRO_SEED ?? randomInt(1_000_000));
/** What a hold may take beside its budget on a machine that is never busy (milliseconds). */
const holdGraceMs = 1_000;

let lab: Lab;
let workload: Workload;
let routesBefore: string;
let orgIds: number[];
let histories: OrgHistory[];
let check: WorkloadCheck;
let busyMs: number;

beforeAll(
  async () => {
    console.log(
      `to and fro: ${movers} orgs, ${times} times each; TO_AND_FRO_SEED=${seed} tells the same stories again`,
    );
    // Two orgs more than move: they must not notice.
    lab = await startLab({
      orgs: movers + 2,
      proxies: 2,
      rows: 150,
      policy: { approval: 'auto', flipTries: 10, flipBackoffMs: 200, flipBackoffMaxMs: 2_000 },
    });
    const controller = await lab.controller('controller-1');
    const api = new LabApi(() => controller.api, lab.tokens);
    orgIds = lab.orgs.slice(0, movers).map(({ orgId }) => orgId);
    routesBefore = await othersRoutes(lab);
    workload = await startWorkload({
      proxies: lab.proxies,
      orgs: lab.orgs,
      routing: lab.routing,
      ratePerOrg: 8,
      readsPerOrg: 4,
    });
    const stalls = await Stalls.start(lab);
    const seeds = new Random(seed);
    const moves = await Promise.allSettled(
      orgIds.map((orgId) => toAndFro(api, orgId, times, new Random(seeds.between(0, 2 ** 31)))),
    );
    busyMs = await stalls.stop();
    await workload.stop();
    const failed = moves.flatMap((move) => (move.status === 'rejected' ? [move.reason] : []));
    if (failed.length > 0) {
      const log = (await readFile(controller.logFile, 'utf8')).split('\n').filter((line) => /"level":[56]0/.test(line));
      throw new AggregateError(failed, [...failed.map(String), 'errors in the log:', ...log.slice(-10)].join('\n'));
    }
    histories = await Promise.all(
      moves.map((move, index) => historyOf(api, orgIds[index] ?? 0, move.status === 'fulfilled' ? move.value : [])),
    );
    await lab.sites.waitUntilInStep();
    const [site] = lab.sites.sites;
    if (site === undefined) throw new TypeError('the lab has no site');
    check = await workload.check({
      sideOf: () => site.server,
      served: histories.flatMap(({ orgId, flips }) => servedBy(orgId, clusterSide(0), flips)),
    });
    const attempts = histories.flatMap(({ told }) => told.flatMap(({ status }) => status.attempts));
    console.log(
      `${histories.flatMap(({ told }) => told).length} moves, ${attempts.length} attempts (${attempts.filter(({ decision }) => decision === 'abort').length} aborted), ` +
        `${check.writesAcknowledged} writes acknowledged, longest hold ${Math.max(...histories.flatMap(({ holds }) => holds.map(({ ms }) => ms)))} ms, ${Math.round(busyMs)} ms allowed for a busy machine`,
    );
    const asked = histories.flatMap(({ askedBackIn }) => askedBackIn);
    const tally = [...new Set(asked)].sort().map((state) => `${state} ${asked.filter((one) => one === state).length}`);
    console.log(`asked back in: ${tally.join(', ')}`);
    const slowest = attempts.toSorted((a, b) => (b.writePauseMs ?? 0) - (a.writePauseMs ?? 0)).slice(0, 3);
    for (const { direction, writePauseMs, phases } of slowest) {
      console.log(`${direction} ${writePauseMs} ms: ${phases.map(({ phase, ms }) => `${phase} ${ms}`).join(', ')}`);
    }
  },
  600_000 + times * 90_000,
);

afterAll(async () => {
  await workload?.stop();
  await lab?.stop();
});

describe('orgs flipped to and fro at random moments, at once, under load', () => {
  test('every org was on the cluster and came back as often as asked', () => {
    const back = histories.map(({ flips }) => flips.length / 2);
    expect(Math.min(...back)).toBeGreaterThanOrEqual(times);
    expect(histories.flatMap(({ told }) => told.map(({ status }) => status.outcome))).not.toContain('completed');
  });

  test('nothing was lost, done twice, changed or taken by the wrong side', () => {
    const { lost, duplicated, mismatchedRows, wrongSideWrites, findings } = check;
    expect({ lost, duplicated, mismatchedRows, wrongSideWrites, findings }).toEqual({
      lost: 0,
      duplicated: 0,
      mismatchedRows: 0,
      wrongSideWrites: 0,
      findings: [],
    });
    const statuses = histories.flatMap(({ told }) => told.map(({ status }) => status));
    const different = statuses.filter(({ verification }) => verification?.outcome === 'different');
    expect(different.map(({ id, orgId, verification }) => ({ id, orgId, verification }))).toEqual([]);
  });

  test('no client got an error, and no other org noticed', async () => {
    expect(workload.errorSamples).toEqual([]);
    expect(workload.clientErrors).toBe(0);
    expect(workload.staleReads).toBe(0);
    expect(await disturbedOthers(lab, workload, new Set(orgIds), routesBefore)).toEqual([]);
  });

  test('no hold went over its budget', () => {
    const budgets = new Map(
      histories.flatMap(({ told }) => told.map(({ status }) => [status.id, Number(status.policy.flipBudgetMs)])),
    );
    const over = histories
      .flatMap(({ orgId, holds }) => holds.map((hold) => ({ orgId, ...hold })))
      .filter(({ migrationId, ms }) => ms > (budgets.get(migrationId) ?? 0) + holdGraceMs + busyMs);
    expect(over).toEqual([]);
  });

  test('no proxy holds or routes anything, and every hold hostgroup has been given back', async () => {
    const nothingLeft = async () => (await leftAtProxies(lab)).length + (await unretiredAttempts(lab)).length === 0;
    await pollUntil('the hold hostgroups to be retired', nothingLeft, { timeoutMs: 60_000, everyMs: 250 }).catch(
      () => {},
    );
    expect([...(await leftAtProxies(lab)), ...(await unretiredAttempts(lab))]).toEqual([]);
  });

  test('no task is left, the fences are open to clients at the sites and to nobody at the cluster', async () => {
    expect(await leftTasks(lab)).toEqual([]);
    expect(await wrongFences(lab, orgIds)).toEqual([]);
    expect(await rowsAtClusters(lab, orgIds)).toEqual([]);
  });
});
