import type { Network } from '../../net/network.ts';
import type { Random } from '../../time/random.ts';
import type { Scheduler } from '../../time/scheduler.ts';
import { define } from '../server/administer.ts';
import type { BinlogEvent } from '../server/binlog.ts';
import type { SimServer } from '../simServer.ts';
import { parse } from '../sql/statement.ts';
import { applyRows, ReplicaConflict } from './applyRows.ts';

export interface ReplicaOptions {
  readonly source: SimServer;
  readonly target: SimServer;
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Time from a commit to its arrival, beside the network's (milliseconds). */
  readonly delayMs?: readonly [from: number, to: number];
}

const DELAY_MS = [0.5, 5] as const;

/**
 * One direction of the replication between two sites: every transaction of the source, in its order, but for those that
 * began at the target. Begins with what is written after it was made.
 */
export class Replica {
  /** Added to the way of each transaction (milliseconds). */
  lagMs = 0;
  readonly #options: ReplicaOptions;
  #next: number;
  #stalled = false;
  #error: ReplicaConflict | null = null;
  #wake: () => void = () => {};

  constructor(options: ReplicaOptions) {
    this.#options = options;
    const { source, target } = options;
    this.#next = source.core.binlog.events.length;
    source.core.binlog.onCommit(() => this.#wake());
    target.core.replicas.push({
      connection: source.name,
      from: source.name,
      receives: () => !this.#stalled,
      applies: () => this.#error === null,
      errno: () => this.#error?.errno ?? 0,
    });
    void this.#run();
  }

  /** Why it stopped for good; null while it is well. */
  get error(): ReplicaConflict | null {
    return this.#error;
  }

  /** Transactions that have not arrived. */
  get behind(): number {
    return this.#options.source.core.binlog.events.length - this.#next;
  }

  stall(): void {
    this.#stalled = true;
  }

  resume(): void {
    this.#stalled = false;
    this.#wake();
  }

  async #run(): Promise<void> {
    const { source, target } = this.#options;
    while (this.#error === null) {
      const event = source.core.binlog.events[this.#next];
      if (event === undefined || this.#stalled) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      if (event.gtid.serverId !== target.core.options.serverId) {
        await this.#arrival();
        try {
          await this.#apply(event);
        } catch (error) {
          if (!(error instanceof ReplicaConflict)) throw error;
          this.#error = error;
          return;
        }
      }
      this.#next += 1;
    }
  }

  /** The way from one server to the other, both of which have to be up. */
  async #arrival(): Promise<void> {
    const { source, target, network, scheduler, random } = this.#options;
    const [low, high] = this.#options.delayMs ?? DELAY_MS;
    await scheduler.sleep(random.between(low, high) + this.lagMs);
    for (;;) {
      await new Promise<void>((resolve) => network.travel(source.name, target.name, resolve));
      if (!this.#stalled && source.process.state === 'running' && target.process.state === 'running') return;
      await scheduler.sleep(random.between(50, 200));
    }
  }

  async #apply(event: BinlogEvent): Promise<void> {
    const { core } = this.#options.target;
    const { definition } = event;
    if (definition === null) {
      await applyRows(core, event.rows, event.gtid);
      return;
    }
    const statement = parse(definition.sql);
    define({ core, database: definition.database, user: definition.user }, statement as Parameters<typeof define>[1]);
    core.transactions.logDefinition(definition, event.gtid);
  }
}
