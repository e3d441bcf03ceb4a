import type { Random } from '../time/random.ts';
import { clockJump, crash, handOver, pause } from './faults/controllers.ts';
import type { FaultHand } from './faults/hand.ts';
import { lastWords, partition, proxyCutOff, type Side, weather } from './faults/network.ts';
import { colleague, proxyFreeze, proxyRestart, revert } from './faults/proxies.ts';
import { readOnly, replicationStall, serverCrash, serverFreeze, storeAway, task } from './faults/servers.ts';
import type { World } from './world.ts';

export const faultKinds = [
  'crash',
  'pause',
  'handOver',
  'clockJump',
  'partition',
  'weather',
  'lastWords',
  'proxyFreeze',
  'proxyRestart',
  'proxyCutOff',
  'colleague',
  'revert',
  'serverFreeze',
  'serverCrash',
  'readOnly',
  'replicationStall',
  'task',
  'storeAway',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** How much more often a fault comes than the others. */
const weights: Readonly<Record<FaultKind, number>> = {
  crash: 5,
  pause: 3,
  handOver: 1,
  clockJump: 1,
  partition: 4,
  weather: 3,
  lastWords: 1,
  proxyFreeze: 2,
  proxyRestart: 2,
  proxyCutOff: 1,
  colleague: 1,
  revert: 1,
  serverFreeze: 2,
  serverCrash: 2,
  readOnly: 1,
  replicationStall: 1,
  task: 2,
  // A run is too short for a minute at any moment: it comes in turn only.
  storeAway: 0,
};

const ways: Readonly<Record<FaultKind, (hand: FaultHand, orgId: number | undefined, at?: Side) => void>> = {
  crash,
  pause,
  handOver,
  clockJump,
  partition,
  weather,
  lastWords,
  proxyFreeze,
  proxyRestart,
  proxyCutOff,
  colleague,
  revert,
  serverFreeze,
  serverCrash,
  readOnly,
  replicationStall,
  task,
  storeAway,
};

/** What goes wrong, each thing for a while. */
export class Faults {
  readonly counts = new Map<FaultKind, number>();
  readonly #world: World;
  readonly #random: Random;
  /** Ends of what is wrong now. */
  readonly #open = new Set<() => void>();
  readonly #hear: (kind: FaultKind) => void;
  readonly #hand: FaultHand;

  /** @param hear told before each fault, while everything is still as it was */
  constructor(world: World, hear: (kind: FaultKind) => void) {
    this.#world = world;
    this.#random = world.random.fork();
    this.#hear = hear;
    this.#hand = {
      world,
      random: this.#random,
      tell: (what) => world.story.tell('fault', what),
      lasting: (fromMs, toMs, end) => this.#lasting(fromMs, toMs, end),
    };
  }

  get anyOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Faults at any moment, as the seed's mood has them. */
  begin(): void {
    const { everyMs } = this.#world.choice.mood;
    if (everyMs === 0) return;
    this.#world.scheduler.after(this.#random.between(0.1, 1.9) * everyMs, () => {
      if (this.#world.nowMs >= this.#world.choice.troubleUntilMs) return;
      this.strike(this.#random.weighted(faultKinds.map((kind) => [weights[kind], kind] as const)));
      this.begin();
    });
  }

  /** Everything that is wrong ends. */
  healAll(): void {
    for (const end of [...this.#open]) end();
  }

  /**
   * @param orgId an org that it should concern, where it can
   * @param at where it should, where it can
   */
  strike(kind: FaultKind, orgId?: number, at?: Side): void {
    this.#hear(kind);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.#world.troubleMs = this.#world.nowMs;
    ways[kind](this.#hand, orgId, at);
  }

  /** Has something wrong for a time; `end` comes once, at its time or when all is healed. */
  #lasting(fromMs: number, toMs: number, end: () => void): void {
    const { scheduler } = this.#world;
    const once = () => {
      if (!this.#open.delete(once)) return;
      cancel();
      this.#world.troubleMs = this.#world.nowMs;
      end();
    };
    this.#open.add(once);
    const cancel = scheduler.after(this.#random.between(fromMs, toMs), once);
  }
}
