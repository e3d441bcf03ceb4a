import { messageOf } from '../../../src/errors/index.ts';
import { type Actor, type CommandName, commandNames } from '../../../src/service/status.ts';
import type { Random } from '../time/random.ts';
import { type OrgChoice, regions } from './choice.ts';
import type { World } from './world.ts';

const people: readonly Actor[] = ['engineer', 'board'].map((name) => ({ name, role: 'approver', from: 'simulation' }));
/** Time between two looks at an org (milliseconds). */
const lookMs = [400, 2_500] as const;

/** Phases in which somebody may want an org to wait. */
const pausable = /^(preflight|snapshot|replicating|lagCheck|ready)/;

/** States that an org comes to only where somebody sends it back. */
const goesBack = /^(rollingBack|cleaningUp)/;

/** People who bring the orgs on their way, and press buttons in between. */
export class Operators {
  readonly #world: World;
  readonly #random: Random;
  #resting = false;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork();
  }

  begin(): void {
    for (const org of this.#world.moved) this.#look(org);
    this.#press();
    this.#moveHome();
  }

  /** From now on only what an org cannot do without. */
  rest(): void {
    this.#resting = true;
  }

  /** Somebody looks at the org now and then, and does what it seems to need. */
  #look(org: OrgChoice): void {
    const { scheduler } = this.#world;
    scheduler.after(this.#random.between(...lookMs), () => {
      this.#tend(org);
      this.#look(org);
    });
  }

  #tend({ orgId }: OrgChoice): void {
    const { choice } = this.#world;
    const journal = this.#world.journalOf(orgId);
    if (journal === null) {
      this.#atSomeController((service, actor) => service.create({ orgId }, actor), `create org ${orgId}`);
      return;
    }
    const { id, state } = journal;
    if (state === 'planned') this.#command(id, 'start');
    if (this.#resting) return;
    if (state === 'ready' && choice.policy.approval === 'manual' && this.#random.chance(0.7))
      this.#command(id, 'approve');
    if (pausable.test(state) && this.#random.chance(0.08)) this.#command(id, 'pause');
    if (state === 'paused' && this.#random.chance(0.6)) this.#command(id, 'resume');
    if (state === 'soaking.watching' || state === 'soaking.soaked' || state === 'soaking') {
      const next = this.#random.weighted<CommandName | null>([
        [/^(soaking|completing)/.test(choice.inTurn) ? 30 : 5, null],
        [goesBack.test(choice.inTurn) ? 10 : 2, 'rollback'],
        [1, 'complete'],
        [1, 'retry'],
      ]);
      if (next !== null) this.#command(id, next);
    }
    if (state === 'needsOperator') {
      this.#command(
        id,
        this.#random.weighted([
          [4, 'retry'],
          [2, 'rollback'],
          [1, 'cancel'],
          [1, 'complete'],
        ] as const),
      );
    }
    // An org that came to its end is moved again, sometimes.
    const movedAway = this.#world.homesMoved.has(orgId);
    if (journal.ended && state !== 'completed' && !movedAway && this.#random.chance(0.15)) {
      this.#atSomeController((service, actor) => service.create({ orgId }, actor), `create org ${orgId} again`);
    }
  }

  /** The platform gives an org another home region. */
  #moveHome(): void {
    const { choice, scheduler, databases, story, homesMoved, moved } = this.#world;
    const { homeMovesAt, troubleUntilMs } = choice;
    const [org] = moved;
    if (homeMovesAt === null || org === undefined) return;
    scheduler.after(homeMovesAt * troubleUntilMs, () => {
      const elsewhere = regions.find((region) => region !== org.homeRegion) ?? org.homeRegion;
      // Before a move, behind one that is over, or with a later one to follow it would be another story.
      if (this.#world.journalOf(org.orgId)?.ended !== false) return;
      story.tell('platform', `the home of org ${org.orgId} is now ${elsewhere}`);
      databases.moveHome(org.orgId, elsewhere);
      homesMoved.set(org.orgId, scheduler.nowMs);
    });
  }

  /** Any button at any time. */
  #press(): void {
    const { choice, scheduler } = this.#world;
    if (choice.buttonsEveryMs === 0) return;
    scheduler.after(this.#random.between(0.2, 1.8) * choice.buttonsEveryMs, () => {
      if (this.#resting) return;
      const journal = this.#world.journalOf(this.#random.pick(this.#world.moved).orgId);
      if (journal !== null) this.#command(journal.id, this.#random.pick(commandNames));
      this.#press();
    });
  }

  #command(id: string, command: CommandName): void {
    this.#atSomeController(
      (service, actor) => service.command(id, command, { reason: 'because' }, actor),
      `${command} ${id}`,
    );
  }

  #atSomeController(
    ask: (service: NonNullable<World['controllers'][number]['service']>, actor: Actor) => Promise<unknown>,
    what: string,
  ): void {
    const { story, controllers } = this.#world;
    const controller = this.#random.pick(controllers);
    const actor = this.#random.pick(people);
    controller.process.deliver(() => {
      const { service } = controller;
      if (service === null) return;
      story.tell('operator', `${what} at ${controller.name}`);
      ask(service, actor).then(
        () => {},
        (error: unknown) => story.tell('operator', `${what}: ${messageOf(error)}`),
      );
    });
  }
}
