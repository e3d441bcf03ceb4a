import { bystanders } from '../rules/bystanders.ts';
import { holds } from '../rules/holds.ts';
import { homeRegion } from '../rules/homeRegion.ts';
import { oneSide } from '../rules/oneSide.ts';
import { onward } from '../rules/onward.ts';
import { parkedAtCommit } from '../rules/parked.ts';
import { purges } from '../rules/purges.ts';
import { atRest, tellUnrest } from '../rules/rest.ts';
import { Routes } from '../rules/routes.ts';
import { rows } from '../rules/rows.ts';
import type { Rule } from '../rules/rule.ts';
import { savedFirst } from '../rules/saved.ts';
import { oneTaskAtATime } from '../rules/tasks.ts';
import { turns } from '../rules/turns.ts';
import { Faults } from '../world/faults.ts';
import { Operators } from '../world/operators.ts';
import type { StoryLine } from '../world/story.ts';
import { type ChangeChoice, type MakeDatabases, World } from '../world/world.ts';
import { Aims } from './aim.ts';
import { type Coverage, countFault, noCoverage } from './coverage.ts';

/**
 * After the troubles: how long the orgs have to come to rest (for ten minutes of it a way back may be waited for), and for
 * how long they have to stay there (virtual milliseconds).
 */
const restWithinMs = 900_000;
const restForMs = 2_500;
/** No run needs more events: something goes round in circles. */
const stepsAtMost = 1_500_000;
/** Pieces of work of each client at the end, and how long they may take together (virtual milliseconds). */
const lastWorks = 2;
const lastWorksWithinMs = 30_000;

/** What became of one seed. */
export interface RunResult {
  readonly seed: number;
  readonly violations: readonly { readonly rule: number; readonly message: string }[];
  readonly coverage: Coverage;
  readonly story: readonly StoryLine[];
}

/** Runs one seed to its end. The same seed takes the same way, event by event. */
export async function runSeed(seed: number, makeDatabases: MakeDatabases, change?: ChangeChoice): Promise<RunResult> {
  const world = await World.make(seed, makeDatabases, change);
  const unhandled = (error: unknown) => {
    world.broken(
      0,
      `a promise failed and nobody looked: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  };
  process.on('unhandledRejection', unhandled);
  try {
    return await new Run(world).toItsEnd();
  } finally {
    process.off('unhandledRejection', unhandled);
    world.close();
  }
}

class Run {
  readonly #world: World;
  readonly #coverage = noCoverage();
  readonly #states = new Map<number, string>();
  readonly #faults: Faults;
  readonly #aims: Aims;
  readonly #rules: readonly Rule[];

  constructor(world: World) {
    this.#world = world;
    this.#faults = new Faults(world, (kind) => {
      for (const { orgId } of world.moved) {
        countFault(this.#coverage.faultsDuring, world.stateOf(orgId), kind);
        countFault(this.#coverage.faultsIn, world.journalOf(orgId)?.state ?? 'none', kind);
      }
    });
    this.#aims = new Aims(world, this.#faults);
    const routes = new Routes(world);
    this.#rules = [
      oneSide(world, routes),
      bystanders(world, routes),
      holds(world, routes, () => this.#faults.anyOpen),
      parkedAtCommit(world, routes),
      savedFirst(world),
      onward(world),
      turns(world),
      homeRegion(world),
      purges(world),
      oneTaskAtATime(world),
      rows(world, routes),
    ];
  }

  async toItsEnd(): Promise<RunResult> {
    const world = this.#world;
    const operators = new Operators(world);
    for (const controller of world.controllers) controller.start();
    for (const client of world.clients) void client.run();
    operators.begin();
    this.#faults.begin();
    await this.#until(() => world.nowMs >= world.choice.troubleUntilMs);
    operators.rest();
    for (const client of world.clients) client.calm();
    this.#faults.healAll();
    world.story.tell('world', 'nothing goes wrong any more');
    const healedMs = world.nowMs;
    let restSinceMs: number | null = null;
    await this.#until(() => {
      restSinceMs = atRest(world) && !this.#faults.anyOpen ? (restSinceMs ?? world.nowMs) : null;
      return (restSinceMs !== null && world.nowMs - restSinceMs >= restForMs) || world.nowMs - healedMs >= restWithinMs;
    });
    if (this.#going) {
      this.#loadAgain();
      await this.#lastWork();
    }
    if (this.#going) {
      tellUnrest(world, restWithinMs);
      for (const rule of this.#rules) rule.atRest?.();
    }
    return this.#result();
  }

  /** At rest every proxy runs what it has in memory and on disk: whoever loads its rules again changes nothing. */
  #loadAgain(): void {
    const { proxies, story } = this.#world;
    story.tell('world', 'the rules of every proxy are loaded again');
    for (const proxy of proxies) {
      proxy.execute('LOAD MYSQL QUERY RULES TO RUNTIME');
      this.#look();
      proxy.execute('LOAD MYSQL QUERY RULES FROM DISK');
      proxy.execute('LOAD MYSQL QUERY RULES TO RUNTIME');
      this.#look();
    }
  }

  get #going(): boolean {
    return this.#world.violations.length === 0;
  }

  /** The orgs are served: every client's work is done at once. Then what is under way arrives. */
  async #lastWork(): Promise<void> {
    const world = this.#world;
    for (const client of world.clients) client.stop();
    const startedMs = world.nowMs;
    const served = world.clients.filter(({ bypasses }) => !bypasses);
    let left = served.length;
    for (const client of served) {
      void (async () => {
        for (let done = 0; done < lastWorks; ) if ((await client.workOnce()) === 'done') done += 1;
        left -= 1;
      })();
    }
    await this.#until(() => left === 0 || world.nowMs - startedMs > lastWorksWithinMs);
    if (left > 0 && this.#going)
      world.broken(5, `${left} clients are not served ${lastWorksWithinMs} ms after all was well again`);
    const untilMs = world.nowMs + restForMs;
    await this.#until(() => world.nowMs >= untilMs);
  }

  async #until(over: () => boolean): Promise<void> {
    const { scheduler } = this.#world;
    while (this.#going && !over()) {
      if (!(await scheduler.step())) this.#world.broken(0, 'nothing is left to happen');
      if (scheduler.steps > stepsAtMost) this.#world.broken(0, `it goes on for ever: ${stepsAtMost} events`);
      this.#look();
    }
  }

  #look(): void {
    const world = this.#world;
    for (const rule of this.#rules) rule.look?.();
    for (const { orgId } of world.moved) {
      const state = world.stateOf(orgId);
      const before = this.#states.get(orgId) ?? 'none';
      if (state !== before) {
        this.#states.set(orgId, state);
        world.story.tell(`org ${orgId}`, `${before} -> ${state}`);
        if (state === 'flipping.release') this.#coverage.flips += 1;
        if (state === 'rollingBack.release') this.#coverage.rollbacks += 1;
        if (state.endsWith('.aborting')) this.#coverage.aborts += 1;
      }
      this.#aims.look(orgId, state);
    }
  }

  #result(): RunResult {
    const world = this.#world;
    const coverage = this.#coverage;
    coverage.seeds = 1;
    coverage.steps = world.scheduler.steps;
    coverage.acknowledged = world.ledger.acknowledged;
    coverage.crashes = this.#faults.counts.get('crash') ?? 0;
    coverage.partitions = this.#faults.counts.get('partition') ?? 0;
    for (const { orgId } of world.moved) {
      const state = world.stateOf(orgId);
      coverage.ends[state] = (coverage.ends[state] ?? 0) + 1;
      if (state === 'completed' && world.proxies.every((proxy) => proxy.shares(orgId))) coverage.shared += 1;
    }
    return {
      seed: world.seed,
      violations: world.violations.map(({ rule, message }) => ({ rule, message })),
      coverage,
      story: world.story.lines,
    };
  }
}
