import type { EffectName, EffectOutputs } from '../../statecharts/effects.ts';
import { outputs } from './machine.ts';
import { type Direction, type Fence, fencesOf, isOpen, type Side, sidesOf, type World, type Writer } from './world.ts';

/** Who does the work: the owner, or a former one that has not noticed. */
export type Worker = 'owner' | 'former';

/** What an effect is told. */
export interface Order {
  readonly direction: Direction;
  readonly replicationTries: number;
}

/** Small steps that an effect could take next; none when it is through or waits for something. */
export function nextSteps(effect: EffectName, order: Order, world: World, worker: Worker): readonly World[] {
  const hand = new Hand(world, worker);
  const { serving, next, taskWriter } = sidesOf(order.direction);
  const forward = order.direction === 'forward';
  switch (effect) {
    case 'replication.reset':
      return inTurn(hand.noTasks(), order.replicationTries > 0 ? hand.fences('cluster', 'nobody') : []);
    case 'replication.create':
      return inTurn(hand.fences('cluster', 'forward'), hand.task('forward', 'none', 'created'));
    case 'replication.fullLoad':
      return hand.task('forward', 'created', 'running');
    case 'flip.prepare': {
      const ready = fencesAre(world, serving, 'clients') && fencesAre(world, next, taskWriter);
      if (!ready) return [];
      return [
        ...(forward ? hand.task('reverse', 'none', 'created') : []),
        ...hand.routes([serving, 'held', 'parked'], serving),
      ];
    }
    case 'flip.hold':
      return hand.routes([serving], 'held');
    case 'flip.fence':
      return hand.fences(serving, 'nobody');
    case 'flip.marker':
      return hand.letArrive(serving, next, taskWriter, world[order.direction === 'forward' ? 'forward' : 'reverse']);
    case 'flip.pin':
      return hand.fences(next, 'nobody');
    case 'flip.park':
      return hand.routes(['held'], 'parked');
    case 'flip.commit':
      return world.begun ? hand.decide('commit') : [];
    case 'flip.decide':
      return hand.decide('abort');
    case 'flip.release':
      return inTurn(hand.fences(next, 'clients'), hand.routes(['held', 'parked', serving], next));
    case 'flip.abort': {
      // A fence that is as it should be is not written: that would wait for whoever writes the org there.
      const places = inTurn(
        fencesAre(world, next, taskWriter) ? [] : hand.fences(next, taskWriter),
        fencesAre(world, serving, 'clients') ? [] : hand.fences(serving, 'clients'),
        hand.routes(['held', 'parked', next], serving),
      );
      // Where the store does not answer and no commit was ever sent, the org does not wait for the decision.
      return [...hand.decide('abort'), ...places];
    }
    case 'flip.settle':
      return forward
        ? inTurn(
            hand.task('forward', 'created', 'none'),
            hand.task('forward', 'running', 'none'),
            hand.fences('source', 'reverse'),
            hand.task('reverse', 'created', 'running'),
          )
        : inTurn(
            hand.task('reverse', 'created', 'none'),
            hand.task('reverse', 'running', 'none'),
            hand.fences('cluster', 'nobody'),
          );
    case 'loss.export':
      return hand.exports('before');
    case 'loss.detach':
      return hand.noTasks();
    case 'loss.exportLast':
      return hand.exports('exactly');
    case 'complete':
      // Waits for the proxies that are still being brought.
      return routesAre(world, ['cluster']) ? inTurn(hand.noTasks(), hand.fences('source', 'nobody')) : [];
    case 'clean.up':
      return inTurn(
        hand.noTasks(),
        order.replicationTries > 0 ? hand.fences('cluster', 'nobody') : [],
        hand.routes(['held', 'parked', 'cluster'], 'source'),
      );
    default:
      return [];
  }
}

/** What the effect may answer now; nothing while it still has something to do or to wait for. */
export function answers<E extends EffectName>(effect: E, order: Order, world: World): readonly EffectOutputs[E][] {
  const { serving, next, taskWriter } = sidesOf(order.direction);
  const through = nextSteps(effect, order, world, 'owner').length === 0;
  const decided = outputs[effect].filter((output) => 'decision' in output && output.decision === world.decision);
  switch (effect) {
    case 'flip.prepare': {
      const ready = fencesAre(world, serving, 'clients') && fencesAre(world, next, taskWriter);
      return ready && through && routesAre(world, [serving]) ? outputs[effect] : [];
    }
    case 'replication.catchUp':
    case 'lag.check':
      return world.forward === 'running' ? outputs[effect] : [];
    case 'flip.marker':
      return world.whole[next] ? outputs[effect] : [];
    case 'flip.hold':
      return routesAre(world, ['held']) ? outputs[effect] : [];
    case 'flip.park':
      return routesAre(world, ['parked']) ? outputs[effect] : [];
    case 'flip.commit':
    case 'flip.decide':
      return decided;
    // A proxy that does not answer is left behind; one at least has to be there.
    case 'flip.release':
      return fencesAre(world, next, 'clients') && hasBrought(world, next) ? outputs[effect] : [];
    case 'flip.abort':
      return fencesAre(world, serving, 'clients') && hasBrought(world, serving) ? outputs[effect] : [];
    case 'complete':
      return through && routesAre(world, ['cluster']) ? outputs[effect] : [];
    case 'clean.up':
      return through && routesAre(world, ['source']) ? outputs[effect] : [];
    case 'reverse.catchUp':
      return world.reverse === 'running' ? outputs[effect] : [];
    default:
      return through ? outputs[effect] : [];
  }
}

/** The first of the stages that has anything to do. */
function inTurn(...stages: readonly (readonly World[])[]): readonly World[] {
  return stages.find((stage) => stage.length > 0) ?? [];
}

function fencesAre(world: World, side: Side, writer: Writer): boolean {
  return fencesOf(world, side).every((fence) => fence.writer === writer);
}

/** One proxy at least is there, by the owner's own hand. */
function hasBrought(world: World, side: Side): boolean {
  return world.proxies.some(({ at, current }) => at === side && current);
}

function routesAre(world: World, wanted: readonly string[]): boolean {
  return world.proxies.every(({ at }) => wanted.includes(at));
}

/** What one worker can change: everything for the owner, for a former one only what the owner has not touched yet. */
class Hand {
  readonly #world: World;
  readonly #isOwner: boolean;

  constructor(world: World, worker: Worker) {
    this.#world = world;
    this.#isOwner = worker === 'owner';
  }

  /** One place at a time. */
  fences(side: Side, writer: Writer): readonly World[] {
    const change = (fence: Fence): Fence | null => {
      if (fence.writer === writer && (fence.current || !this.#isOwner)) return null;
      return this.#isOwner || !fence.current ? { writer, current: this.#isOwner } : null;
    };
    const world = this.#world;
    const found: World[] = [];
    if (side === 'cluster') {
      const cluster = change(world.cluster);
      if (cluster !== null) found.push({ ...world, cluster });
    } else {
      const [first, second] = world.sites;
      const firstChanged = change(first);
      const secondChanged = change(second);
      if (firstChanged !== null) found.push({ ...world, sites: [firstChanged, second] });
      if (secondChanged !== null) found.push({ ...world, sites: [first, secondChanged] });
    }
    return found.map(written);
  }

  /** One proxy at a time; a route that is there already is still marked with the owner's number. */
  routes(from: readonly string[], to: Side | 'held' | 'parked'): readonly World[] {
    const world = this.#world;
    return world.proxies.flatMap((proxy, index): World[] => {
      const allowed = this.#isOwner || !proxy.current;
      const needed = from.includes(proxy.at) || proxy.at === to;
      const changes = proxy.at !== to || (this.#isOwner && !proxy.current);
      if (!allowed || !needed || !changes) return [];
      const changed = { at: to, current: this.#isOwner };
      const [first, second] = world.proxies;
      return [{ ...world, proxies: index === 0 ? [changed, second] : [first, changed] }];
    });
  }

  /** Tasks have no epoch; their ids carry generation and attempt, so that a former owner's command meets no later task. */
  task(name: 'forward' | 'reverse', from: World['forward'], to: World['forward']): readonly World[] {
    return this.#isOwner && this.#world[name] === from ? [{ ...this.#world, [name]: to }] : [];
  }

  noTasks(): readonly World[] {
    const gone = (['forward', 'reverse'] as const).filter((name) => this.#world[name] !== 'none');
    return this.#isOwner ? gone.map((name) => ({ ...this.#world, [name]: 'none' })) : [];
  }

  exports(what: World['exported']): readonly World[] {
    return this.#isOwner && this.#world.exported !== what ? [{ ...this.#world, exported: what }] : [];
  }

  /** The store takes a decision of the present owner only, and only the first. */
  decide(decision: 'commit' | 'abort'): readonly World[] {
    return this.#isOwner && this.#world.decision === null ? [{ ...this.#world, decision }] : [];
  }

  /** Everything acknowledged arrives once nobody writes any more and the task may. */
  letArrive(serving: Side, next: Side, taskWriter: Writer, task: World['forward']): readonly World[] {
    const world = this.#world;
    const arrives = task === 'running' && !isOpen(world, serving) && fencesAre(world, next, taskWriter);
    if (!this.#isOwner || !arrives || !world.whole[serving] || world.whole[next]) return [];
    return [{ ...world, whole: { ...world.whole, [next]: true } }];
  }
}

/** Whatever clients can write on one side, the other side does not have yet. */
function written(world: World): World {
  const source = isOpen(world, 'source');
  const cluster = isOpen(world, 'cluster');
  return {
    ...world,
    whole: { source: world.whole.source && !cluster, cluster: world.whole.cluster && !source },
  };
}
