import type { MigrationContext } from '../../statecharts/context.ts';
import type { NewTimelineEvent } from './store.ts';

/** What one hook is to be told, as it will be sent: the same bytes at every try. */
export interface NewDelivery {
  /** Of the event, the same for all hooks and at every try: a receiver knows by it what it had already. */
  readonly id: string;
  readonly hook: string;
  readonly migrationId: string;
  readonly body: string;
}

/** A delivery that is due. */
export interface Delivery extends NewDelivery {
  /** Its place in the order. */
  readonly seq: number;
  /** How often it was tried before. */
  readonly tries: number;
  /** Time since the event, by the store's clock (milliseconds). */
  readonly ageMs: number;
}

/** What became of one try. */
export interface TryOutcome {
  readonly outcome: 'delivered' | 'failed' | 'givenUp';
  /** How it was answered, in words; never what the receiver wrote. */
  readonly answer: string;
  /** After a failure: when it is due again (milliseconds from now). */
  readonly againInMs: number;
}

/** A migration that was created, or has made a step, with the numbers that its timeline gave the entries. */
export interface Announced {
  readonly context: Pick<MigrationContext, 'migrationId' | 'orgId' | 'homeRegion' | 'reason'>;
  readonly entries: readonly (NewTimelineEvent & { readonly seq: number })[];
}

/** Whom a step is told. Pure and quick: it is asked inside the step's transaction, which takes up what it answers. */
export type Announce = (announced: Announced) => readonly NewDelivery[];

/** What waits for a hook's receiver. */
export interface HookBacklog {
  readonly hook: string;
  /** The controller that delivers, or did last; null where it has let go. */
  readonly owner: string | null;
  readonly waiting: number;
  /** When the oldest of them was made (epoch milliseconds, by the store's clock); null where none waits. */
  readonly oldestMs: number | null;
  /** Most tries that one of them has had, and how that one was answered last. */
  readonly tries: number;
  readonly answer: string | null;
}

/** A delivery as it is kept, times in epoch milliseconds by the store's clock. */
export interface KeptDelivery {
  readonly seq: number;
  readonly id: string;
  readonly migrationId: string;
  readonly madeMs: number;
  /** When it is tried next; null once it has ended. */
  readonly dueMs: number | null;
  readonly endedMs: number | null;
  readonly tries: number;
  /** Of the last try; null before the first. */
  readonly outcome: TryOutcome['outcome'] | null;
  readonly answer: string | null;
}

export interface DeliveryQuery {
  readonly hook: string;
  /** Left out: all of them. */
  readonly state?: 'waiting' | 'delivered' | 'givenUp';
  readonly migrationId?: string;
  /** Only those made before this one. */
  readonly before?: number;
  readonly limit: number;
}

/** What is to be delivered, for all controllers. Throws `StoreUnavailableError` where the store does not answer. */
export interface WebhookStore {
  /**
   * Takes the hook, or keeps it, for a controller: one delivers for it at a time, and another may take it after
   * `leaseMs` of silence. False while another one has it.
   */
  keepHook(hook: string, instance: string, leaseMs: number): Promise<boolean>;
  /** Lets go of all hooks of a controller, so that another may take them at once. */
  letHooksGo(instance: string): Promise<void>;
  /**
   * Deliveries that are due, in order, of each migration the first that has not ended; those of migrations in `besides`
   * are left out.
   */
  dueDeliveries(hook: string, besides: readonly string[], atMost: number): Promise<readonly Delivery[]>;
  /** Records a try; one of a delivery that has ended already changes nothing. */
  recordTry(seq: number, tried: TryOutcome): Promise<void>;
  /** Every hook that was ever delivered to, by name. */
  hookBacklogs(): Promise<readonly HookBacklog[]>;
  /** The newest first. */
  keptDeliveries(query: DeliveryQuery): Promise<readonly KeptDelivery[]>;
  /** Forgets what is older, whatever became of it. */
  dropDeliveries(olderThanMs: number): Promise<void>;
}
