import { systemClock } from '../../src/adapters/clock.ts';
import type { Announce, TryOutcome, WebhookStore } from '../../src/ports/webhooks.ts';
import { announcer, type Subscription } from '../../src/webhooks/announce.ts';
import { Couriers } from '../../src/webhooks/couriers.ts';
import type { Hook } from '../../src/webhooks/hookCourier.ts';
import { create, type StoreInstance, type StoreServer } from '../store/world.ts';
import type { Receiver } from './receiver.ts';

/** A hook that tells a receiver of everything. */
export function hookOf(
  receiver: Pick<Receiver, 'url' | 'secret'>,
  changed: Partial<Hook & Subscription> = {},
): Hook & Subscription {
  return {
    name: 'changes',
    format: 'event',
    steps: true,
    url: receiver.url,
    secret: receiver.secret,
    timeoutMs: 30_000,
    giveUpAfterMs: 86_400_000,
    ...changed,
  };
}

/** A store whose steps are told to these hooks. */
export function storeFor(server: StoreServer, hooks: readonly Subscription[]): Promise<StoreInstance> {
  return server.newStore({ announce: announcer(hooks) as Announce });
}

/** A controller’s couriers, with all that they log and count. */
export class Sending {
  readonly tries: TryOutcome['outcome'][] = [];
  readonly logged: { readonly level: string; readonly message: string; readonly fields: object }[] = [];
  readonly couriers: Couriers;

  constructor(store: WebhookStore, hooks: readonly Hook[], instance = 'a', leaseMs = 60_000) {
    const line = (level: string) => (fields: object, message: string) =>
      void this.logged.push({ level, message, fields });
    this.couriers = new Couriers(hooks, {
      store,
      clock: systemClock,
      logger: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
      instance,
      leaseMs,
      onTry: (_hook, outcome) => void this.tries.push(outcome),
    });
    this.couriers.start();
  }

  stop(): Promise<void> {
    return this.couriers.stop();
  }
}

/** A migration that goes through these states, a step each; created where it is not there yet. */
export async function moves(store: StoreInstance['store'], orgId: number, states: readonly string[]): Promise<void> {
  const id = `m-${orgId}`;
  if ((await store.get(id)) === null) await create(store, orgId);
  for (const state of states) {
    const row = await store.get(id);
    if (row === null) throw new Error(`there is no ${id}`);
    const data = { previous: row.state };
    await store.commit({
      ...row,
      state,
      timeline: [{ atMs: Date.now(), type: 'state', state, attempt: null, message: 'step', data }],
      commands: [],
    });
  }
}
