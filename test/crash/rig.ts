import { readFile } from 'node:fs/promises';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { ApiRefusal, LabApi } from '../../infra/lab/demo/api.ts';
import { ArmedFailpoints } from '../../infra/lab/estate/armedFailpoints.ts';
import type { ControllerProcess } from '../../infra/lab/estate/controllerProcess.ts';
import type { CommandName, MigrationStatus } from '../../src/service/status.ts';
import { all, type LooseConfig, Stage } from '../e2e/stage.ts';
import { SteadyWriter } from '../e2e/writer.ts';

/** Silence after which another controller takes over (milliseconds): as the configuration has it where none is given. */
const shortestLeaseMs = 2_000;
/**
 * Where eighteen orgs keep a machine so busy that a controller may not run for seconds, silence tells death only when it
 * lasts longer; how long a controller needs to start tells what the machine is like (0.9 s on two idle cores of 2020).
 */
const leasePerStart = 2;
const policy = { flipTries: 1, soakMs: 600_000, lagSamples: 2, lagGateMs: 5_000 } as const;
/**
 * Eighteen orgs that are held until all of them have come to their points, on two cores that others use as well, wait
 * longer than one does (milliseconds).
 */
const proxiesWaitMs = 180_000;
const flipBudgetMs = 60_000;
/** Writers of many orgs share two cores with everything else. */
const writeEveryMs = 250;

/** Longest wait for anything (milliseconds): eighteen orgs at once, on a machine that is several times slower than others. */
const patienceMs = 360_000;

/** One org under write, with its migration. */
export interface Mover {
  readonly orgId: number;
  readonly writers: readonly SteadyWriter[];
  id: string;
}

/** A lab whose controllers can be told at which point to stop, and be killed there. */
export class Rig {
  readonly stage: Stage;
  readonly api: LabApi;
  readonly movers: Mover[] = [];
  #alive: ControllerProcess[] = [];
  #refilling: Promise<void> | null = null;
  /** Silence after which another controller takes over (milliseconds). */
  readonly leaseMs: number;
  readonly #failpoints: ArmedFailpoints;

  private constructor(stage: Stage) {
    this.stage = stage;
    this.leaseMs = Math.max(shortestLeaseMs, Math.ceil(stage.controller.startMs * leasePerStart));
    this.#failpoints = new ArmedFailpoints(stage.lab.baseDir);
    this.api = new LabApi(() => this.newest.api, stage.lab.tokens);
  }

  static async start(orgs: number): Promise<Rig> {
    const stage = await Stage.start({ orgs, rows: 40, policy });
    const rig = new Rig(stage);
    try {
      await rig.arm([]);
      for (const index of stage.lab.proxies.keys()) {
        await stage.admin(
          index,
          `SET mysql-connect_timeout_server_max = ${proxiesWaitMs}`,
          'LOAD MYSQL VARIABLES TO RUNTIME',
        );
      }
      await stage.controller.stop();
      await rig.refill();
      return rig;
    } catch (error) {
      await rig.stop();
      throw error;
    }
  }

  get newest(): ControllerProcess {
    const newest = this.#alive.at(-1);
    if (newest === undefined) throw new Error('no controller is alive');
    return newest;
  }

  /** An owner and two that stand by. */
  refill(): Promise<void> {
    this.#refilling ??= (async () => {
      while (this.#alive.length < 3) await this.add();
    })().finally(() => {
      this.#refilling = null;
    });
    return this.#refilling;
  }

  async add(change: (config: LooseConfig) => void = () => {}): Promise<ControllerProcess> {
    const added = await this.stage.startController((config) => {
      config.controller.leaseMs = this.leaseMs;
      config.controller.failpoints = true;
      config.policy.flipBudgetMs = flipBudgetMs;
      // All of them come to `ready` at once, and each is compared before.
      config.verification = { ...config.verification, atOnce: 8 };
      config.routing.connectTimeoutMs = proxiesWaitMs;
      change(config);
    }, this.#failpoints.env);
    this.#alive.push(added);
    void added.ended.then(() => {
      this.#alive = this.#alive.filter((each) => each !== added);
    });
    return added;
  }

  async stop(): Promise<void> {
    await Promise.all(this.movers.flatMap(({ writers }) => writers.map((writer) => writer.stop())));
    await Promise.all(this.#alive.map((controller) => controller.stop()));
    await this.stage.stop();
  }

  arm(points: readonly string[]): Promise<void> {
    return this.#failpoints.arm(points);
  }

  /** Other points in place of one that was armed and not come to. */
  async rearm(left: string, points: readonly string[]): Promise<void> {
    await this.#failpoints.disarm([left]);
    await this.#failpoints.armToo(points);
  }

  /**
   * Resolves when everything that was armed has happened. On a busy machine an org may come back from its flip without
   * having been at its point, of which `again` hears: its budget was spent, or another controller has taken it over.
   */
  async untilReached(again: (left: readonly string[]) => Promise<void> = async () => {}): Promise<void> {
    let left: string[] = [];
    await pollUntil(
      'every armed point to be reached',
      async () => {
        left = await this.#failpoints.left();
        await again(left);
        return left.length === 0;
      },
      { timeoutMs: patienceMs, everyMs: 50 },
    ).catch(async (error: unknown) => {
      const where = await all(this.movers.map(async ({ id }) => `${id} ${(await this.api.get(id)).state}`));
      throw new Error(`not reached: ${left.join(', ')}; ${where.join(', ')}`, { cause: error });
    });
  }

  /** Every point that any controller has come to. */
  reached(): Promise<Set<string>> {
    return this.#failpoints.reached();
  }

  /** Puts the org under write, if it is not yet, and takes its migration to `ready`. */
  async toReady(index: number): Promise<Mover> {
    const { orgId } = this.stage.org(index);
    const { id } = await this.api.create(orgId);
    await this.api.command(id, 'start');
    // On a busy machine preflight may find that a place does not answer.
    await this.untilState([id], 'ready', { from: 'needsOperator', command: 'retry' });
    const known = this.movers[index];
    if (known !== undefined) return Object.assign(known, { id });
    const mover = { orgId, id, writers: await SteadyWriter.startAll(this.stage, orgId, writeEveryMs) };
    this.movers[index] = mover;
    return mover;
  }

  /** Gives a command at a controller that does not own the migration: the owner may be about to die of it. */
  async command(id: string, command: CommandName): Promise<void> {
    const { owner } = await this.api.get(id);
    const beside = this.#alive.findLast(({ name }) => !owner?.startsWith(`${name}-`));
    await new LabApi(() => (beside ?? this.newest).api, this.stage.lab.tokens).command(id, command);
  }

  /**
   * Gives a command for which the org has to be in `from`. On a busy machine a lag may have taken it to its gate just
   * now: then it is given once the org is back.
   */
  async commandFrom(from: string, id: string, command: CommandName): Promise<void> {
    await pollUntil(`${command} of ${id}, which has to be in ${from}`, async () => {
      if ((await this.api.get(id)).state !== from) return false;
      try {
        await this.command(id, command);
        return true;
      } catch (error) {
        if (!(error instanceof ApiRefusal) || (await this.api.get(id)).state === from) throw error;
        return false;
      }
    });
  }

  /**
   * Waits until all are in the state; another end than that is an error at once. `again` is the command for one that has
   * come back to `from`: on a busy machine a flip may spend its budget.
   */
  async untilState(
    ids: readonly string[],
    state: string,
    again: { readonly from: string; readonly command: CommandName } | null = null,
  ): Promise<void> {
    const inIt = (status: MigrationStatus) => status.state === state || status.state.startsWith(`${state}.`);
    const ends = ['needsOperator', 'rolledBack', 'cancelled', 'completed'];
    const stuck = new Set(ends.filter((end) => end !== again?.from));
    for (const id of ids) {
      let last: MigrationStatus | null = null;
      await pollUntil(
        `org of ${id} to be in ${state}`,
        async () => {
          last = await this.api.get(id);
          if (!inIt(last) && stuck.has(last.state)) throw new Error(`it is in ${last.state}`);
          if (last.state === again?.from) {
            await this.command(id, again.command).catch((error: unknown) => {
              // It has been taken up meanwhile.
              if (!(error instanceof ApiRefusal)) throw error;
            });
          }
          return inIt(last);
        },
        { timeoutMs: patienceMs, everyMs: 50 },
      ).catch((error: unknown) => {
        throw new Error(`${id} is not in ${state}: ${JSON.stringify(last)}; logs in ${this.stage.lab.baseDir}`, {
          cause: error,
        });
      });
    }
  }

  /** Kills whoever owns these migrations, and arms what is next; resolves to the moment (monotonic milliseconds). */
  async killOwners(ids: readonly string[], next: readonly string[]): Promise<number> {
    const owners = await all(ids.map(async (id) => (await this.api.get(id)).owner ?? ''));
    const killed = this.#alive.filter(({ name }) => owners.some((owner) => owner.startsWith(`${name}-`)));
    // On a busy machine each may have taken some over: somebody has to be left.
    if (killed.length === this.#alive.length) await this.add();
    await this.arm(next);
    const killedAtMs = performance.now();
    await Promise.all(killed.map((each) => each.kill('SIGKILL')));
    this.#alive = this.#alive.filter((each) => !killed.includes(each));
    return killedAtMs;
  }

  async ownerOf(id: string): Promise<ControllerProcess> {
    const { owner } = await this.api.get(id);
    const found = this.#alive.find(({ name }) => owner?.startsWith(`${name}-`));
    if (found === undefined) throw new Error(`no living controller is ${owner}`);
    return found;
  }

  /** Does something while this controller does not answer: the API of another one is used. */
  async avoiding(frozen: ControllerProcess, work: () => Promise<void>): Promise<void> {
    this.#alive = this.#alive.filter((each) => each !== frozen);
    try {
      await work();
    } finally {
      await frozen.kill('SIGCONT');
      this.#alive.unshift(frozen);
    }
  }

  async untilOwned(id: string, isWanted: (owner: string | null) => boolean): Promise<void> {
    await pollUntil(`another owner of ${id}`, async () => isWanted((await this.api.get(id)).owner));
  }

  /**
   * Resolves when the controller has let go of the migration, as its log tells: refused by the store or a place, or told
   * by its own look at what it owns, whichever comes first.
   */
  async untilRefused({ name, logFile }: ControllerProcess, id: string): Promise<void> {
    await pollUntil(`${name} to let go of ${id}`, async () => {
      const lines = (await readFile(logFile, 'utf8'))
        .split('\n')
        .filter((line) => line.includes(`"migration":"${id}"`));
      return lines.some((line) => /letting go of the migration|lost to another controller/.test(line));
    });
  }

  /** Resolves when every living controller has looked twice for what has no owner: their signs of life tell. */
  async untilRounds(): Promise<void> {
    const { store } = this.stage.lab.control;
    const seen = async () => {
      const rows = await this.stage.at(
        store,
        `SELECT instance, seen_at FROM ${this.stage.lab.storeAccount.database}.controllers
          WHERE seen_at > UTC_TIMESTAMP(3) - INTERVAL ${this.leaseMs * 1_000} MICROSECOND`,
      );
      return new Map(rows.map((row) => [String(row.instance), Number(new Date(row.seen_at))]));
    };
    const before = await seen();
    await pollUntil('a few signs of life', async () => {
      const now = await seen();
      return [...before].every(([instance, atMs]) => (now.get(instance) ?? Number.POSITIVE_INFINITY) > atMs + 600);
    });
  }

  /** Resolves when every writer of the org had a write acknowledged since; to the milliseconds that took. */
  async untilServed({ orgId, id, writers }: Mover, sinceMs: number): Promise<number> {
    const firstOf = ({ acknowledged }: SteadyWriter) => {
      for (let n = acknowledged.length - 1; n >= 0; n--) {
        const write = acknowledged[n];
        const endedAtMs = write === undefined ? 0 : write.sentAtMs + write.waitedMs;
        if (endedAtMs <= sinceMs) return acknowledged[n + 1];
      }
      return acknowledged[0];
    };
    const served = await pollUntil(`org ${orgId} to be served again`, async () => {
      const firsts = writers.map(firstOf);
      return firsts.every((write) => write !== undefined) && firsts;
    }).catch(async (error: unknown) => {
      const { state, owner, epoch, waitsFor, reason } = await this.api.get(id);
      const told = (await this.api.events(id)).slice(-12).map(({ state, message }) => `${state}: ${message}`);
      throw new Error(JSON.stringify({ orgId, state, owner, epoch, waitsFor, reason, told }, null, 1), {
        cause: error,
      });
    });
    return Math.max(...served.map((write) => (write === undefined ? 0 : write.sentAtMs + write.waitedMs - sinceMs)));
  }
}
