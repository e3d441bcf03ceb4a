import type { SimProcess } from '../time/process.ts';
import type { Random } from '../time/random.ts';
import { ConnectionLost, type Link, type Message } from './link.ts';
import type { Network } from './network.ts';

/** One direction of a connection: what was sent first arrives first, whatever each message meets on its way. */
class Lane {
  readonly #queue: { arrived: boolean; readonly handle: () => void }[] = [];

  /** Sends; what is returned is to be called when the message has made its way. */
  send(handle: () => void): () => void {
    const message = { arrived: false, handle };
    this.#queue.push(message);
    return () => {
      message.arrived = true;
      while (this.#queue[0]?.arrived) this.#queue.shift()?.handle();
    };
  }
}

/** A connection of the simulated network. */
export class SimLink implements Link {
  readonly #network: Network;
  readonly #random: Random;
  readonly #client: SimProcess;
  readonly #server: SimProcess;
  readonly #there = new Lane();
  readonly #back = new Lane();
  readonly #pending = new Set<(error: ConnectionLost) => void>();
  readonly #lostHearers: ((error: ConnectionLost) => void)[] = [];
  readonly #closedHearers: (() => void)[] = [];
  /** What each end knows. */
  #open = true;
  #serverOpen = true;
  /** The server carries out one request after the other. */
  readonly #requests: (() => Promise<void>)[] = [];
  #busy = false;

  constructor(network: Network, random: Random, client: SimProcess, server: SimProcess) {
    this.#network = network;
    this.#random = random;
    this.#client = client;
    this.#server = server;
    client.onEnd(() => this.#goodbye());
    server.onEnd(() => this.#endedByServer('the server is gone'));
  }

  get open(): boolean {
    return this.#open;
  }

  request<T>(work: () => T | Promise<T>, what: Message = 'request'): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#open) {
        reject(new ConnectionLost('ECONNRESET', `the connection to ${this.#server.name} is gone`));
        return;
      }
      this.#pending.add(reject);
      const answer = (settle: () => void) => {
        this.#message(this.#server, this.#client, this.#back, 'answer', () => {
          if (this.#pending.delete(reject)) settle();
        });
      };
      const carryOut = async () => {
        if (!this.#serverOpen) return;
        try {
          const result = await work();
          answer(() => resolve(result));
        } catch (error) {
          answer(() => reject(error));
        }
      };
      this.#message(this.#client, this.#server, this.#there, what, () => {
        this.#requests.push(carryOut);
        void this.#carryOut();
      });
    });
  }

  onLost(hear: (error: ConnectionLost) => void): void {
    this.#lostHearers.push(hear);
  }

  onClosed(hear: () => void): void {
    this.#closedHearers.push(hear);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#pending.clear();
    this.#goodbye();
  }

  reset(reason: string): void {
    this.#endedByServer(reason);
  }

  async #carryOut(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#requests.shift(); next !== undefined; next = this.#requests.shift()) await next();
    this.#busy = false;
  }

  /** One message with its fate. What a process had sent when it died is in the kernel's hands, or died with it. */
  #message(from: SimProcess, to: SimProcess, lane: Lane, what: Message, handle: () => void): void {
    let unsent = false;
    const arrive = lane.send(() => {
      if (!unsent) to.deliver(handle);
    });
    const unlessDied = () => {
      unsent = from.state === 'dead' && this.#random.chance(0.5);
      // The lane goes on without it: the end of the connection comes behind.
      arrive();
    };
    const { fate, late } = this.#network.fate(from.name, to.name, what);
    switch (fate) {
      case 'arrives':
        this.#network.travel(from.name, to.name, unlessDied);
        return;
      case 'late':
        // On its way, whatever becomes of its sender.
        late(arrive);
        return;
      case 'lost':
        this.#endedByServer('the network reset the connection');
        return;
      case 'lostSilently':
        this.#network.travelNever(() => this.#server.deliver(() => this.#hearClosed()));
        return;
    }
  }

  /** The server's end is closed; the client hears of it unless it is cut off. */
  #endedByServer(reason: string): void {
    this.#hearClosed();
    if (!this.#open) return;
    this.#network.travel(this.#server.name, this.#client.name, () =>
      this.#client.deliver(() => {
        if (!this.#open) return;
        this.#open = false;
        const lost = new ConnectionLost('ECONNRESET', `${this.#server.name}: ${reason}`);
        for (const reject of this.#pending) reject(lost);
        this.#pending.clear();
        for (const hear of this.#lostHearers) hear(lost);
      }),
    );
  }

  /** The client's end is closed; the server hears of it behind what was sent before. */
  #goodbye(): void {
    const arrive = this.#there.send(() => this.#server.deliver(() => this.#hearClosed()));
    this.#network.travel(this.#client.name, this.#server.name, arrive);
  }

  #hearClosed(): void {
    if (!this.#serverOpen) return;
    this.#serverOpen = false;
    for (const hear of this.#closedHearers.splice(0)) hear();
  }
}
