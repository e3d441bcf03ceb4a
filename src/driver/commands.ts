import { CommandNotAllowedError } from '../errors/index.ts';
import type { InboxCommand, Store } from '../ports/store.ts';
import { type CommandName, type OrderName, orderText } from '../service/status.ts';

/** The migration that commands are given to. */
export interface Commanded {
  readonly id: string;
  readonly state: string;
  /** Nothing is journalled in a hold. */
  readonly holding: boolean;
  readonly ended: boolean;
  may(order: OrderName): boolean;
  allowed(): CommandName[];
  /** Behind the steps that are under way. */
  inOrder<T>(work: () => Promise<T>): Promise<T>;
  /** Takes the step; the command leaves the inbox with it. */
  take(
    order: OrderName,
    entry: { type: string; message: string; data: Record<string, unknown> },
    inboxId: number | null,
  ): Promise<void>;
  note(message: string): void;
}

type Given = Pick<InboxCommand, 'actor' | 'reason'> & { readonly command: OrderName };

/** Commands of one migration, from here or from the inbox: each is carried out once, and none is forgotten. */
export class Commands {
  readonly #store: Store;
  readonly #migration: Commanded;
  /** Commands of the inbox: how far each is, and those that only this memory has carried out. */
  readonly #known = new Map<number, Promise<void>>();

  constructor(store: Store, migration: Commanded) {
    this.#store = store;
    this.#migration = migration;
  }

  /**
   * Gives a command; resolves when it cannot be forgotten any more. In a hold it goes through the inbox, which a new
   * owner reads too. Throws `CommandNotAllowedError`.
   */
  async give(command: OrderName, actor: string, reason: string | undefined): Promise<void> {
    this.#assertAllowed(command);
    if (!this.#migration.holding) {
      const carriedOut = await this.#step({ command, actor, reason: reason ?? null }, null);
      if (carriedOut) return;
    }
    const given = { migrationId: this.#migration.id, command, actor, reason: reason ?? null };
    return this.carryOut({ ...given, id: await this.#store.postCommand(given) }, 'now');
  }

  /**
   * Carries out a command of the inbox, once. What is not allowed in a hold may be so behind it, and is offered again;
   * what is not allowed otherwise leaves the inbox. Throws `CommandNotAllowedError`.
   */
  carryOut(given: InboxCommand & { readonly command: OrderName }, when: 'now' | 'orLater' = 'orLater'): Promise<void> {
    const known = this.#known.get(given.id);
    if (known !== undefined) return known;
    const outcome = this.#step(given, given.id).then(
      () => {},
      async (error: unknown) => {
        this.#known.delete(given.id);
        if (!(error instanceof CommandNotAllowedError)) throw error;
        if (when === 'orLater' && this.#migration.holding) return;
        if (when === 'orLater')
          this.#migration.note(`${orderText(given.command)} by ${given.actor} came too late: ${error.message}`);
        await this.#store.dropCommand(given.id);
        throw error;
      },
    );
    this.#known.set(given.id, outcome);
    return outcome;
  }

  /** False where a hold has begun meanwhile, in which a command without a place in the inbox could be forgotten. */
  async #step({ command, actor, reason }: Given, inboxId: number | null): Promise<boolean> {
    const text = orderText(command);
    try {
      return await this.#migration.inOrder(async () => {
        if (inboxId === null && this.#migration.holding) return false;
        this.#assertAllowed(command);
        const data = { command: text, actor, reason };
        await this.#migration.take(command, { type: 'command', message: `${text} by ${actor}`, data }, inboxId);
        return true;
      });
    } catch (error) {
      // It ended while the command waited for its turn.
      if (this.#migration.ended) throw new CommandNotAllowedError(text, this.#migration.state, []);
      throw error;
    }
  }

  #assertAllowed(command: OrderName): void {
    const { state } = this.#migration;
    if (!this.#migration.may(command)) {
      throw new CommandNotAllowedError(orderText(command), state, this.#migration.allowed());
    }
  }
}
