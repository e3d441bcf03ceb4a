import type { SimProcess } from '../time/process.ts';
import type { Random } from '../time/random.ts';
import type { Scheduler } from '../time/scheduler.ts';
import { ConnectionLost, type Link, type Message } from './link.ts';
import { SimLink } from './simLink.ts';

/** What happens to one message. `late`: it arrives, when nobody counts on it any more. */
export type Fate = 'arrives' | 'lost' | 'lostSilently' | 'late';

/** How the network between two processes is. */
export interface Weather {
  /** One way (milliseconds). */
  readonly delayMs: readonly [from: number, to: number];
  /** Of each message: how likely it is that it meets one of the other fates. */
  readonly trouble: number;
  /** Those fates. */
  readonly fates: readonly Fate[];
  /** Only these messages meet them; all of them where it is left out. */
  readonly only?: Message;
  /** Told of each message that meets one. */
  caught?(): void;
  /** Sees to the arrival of a late message; it comes some seconds later where it is left out. */
  late?(arrive: () => void): void;
}

const fair: Weather = { delayMs: [0.2, 1.5], trouble: 0, fates: [] };
/** How late a late message is (milliseconds). */
const lateMs = [300, 9_000] as const;
/** After how long a server gives up a connection on which nothing passes any more (milliseconds). */
const patienceMs = [10_000, 40_000] as const;

/** Every connection of the world, and what the seed does to it. */
export class Network {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #tell: (what: string) => void;
  /** Pairs that cannot reach each other, with what waits for the end of it. */
  readonly #cut = new Map<string, (() => void)[]>();
  readonly #weather = new Map<string, Weather>();

  constructor(scheduler: Scheduler, random: Random, tell: (what: string) => void) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#tell = tell;
  }

  /** Connects; rejects with `ConnectionLost` where nobody listens. In a partition nothing is answered at all. */
  connect(client: SimProcess, server: () => SimProcess): Promise<Link> {
    return new Promise((resolve, reject) => {
      this.travel(client.name, server().name, () => {
        const listening = server();
        if (listening.state === 'dead') {
          this.travel(listening.name, client.name, () => {
            client.deliver(() => reject(new ConnectionLost('ECONNREFUSED', `nobody listens at ${listening.name}`)));
          });
          return;
        }
        // The kernel accepts, also where the process is stopped.
        this.travel(listening.name, client.name, () => {
          client.deliver(() => resolve(new SimLink(this, this.#random, client, listening)));
        });
      });
    });
  }

  /** Nothing passes between the two until `heal`. */
  cut(one: string, other: string): void {
    const key = pair(one, other);
    if (!this.#cut.has(key)) this.#cut.set(key, []);
  }

  /** What was under way goes on. */
  heal(one: string, other: string): void {
    const waiting = this.#cut.get(pair(one, other));
    this.#cut.delete(pair(one, other));
    for (const goOn of waiting ?? []) this.#scheduler.after(this.#random.between(1, 400), goOn);
  }

  setWeather(one: string, other: string, weather: Weather | null): void {
    if (weather === null) this.#weather.delete(pair(one, other));
    else this.#weather.set(pair(one, other), weather);
  }

  /** What becomes of a message, by the weather; `late` sees to its arrival where that is its fate. */
  fate(from: string, to: string, what: Message): { readonly fate: Fate; readonly late: (arrive: () => void) => void } {
    const weather = this.#weather.get(pair(from, to)) ?? fair;
    const { late = (arrive) => void this.#scheduler.after(this.#random.between(...lateMs), arrive) } = weather;
    if (weather.trouble === 0 || !this.#random.chance(weather.trouble)) return { fate: 'arrives', late };
    if (weather.only !== undefined && weather.only !== what) return { fate: 'arrives', late };
    const fate = this.#random.pick(weather.fates);
    this.#tell(`${what} from ${from} to ${to}: ${fate}`);
    weather.caught?.();
    return { fate, late };
  }

  /** One message's way. In a partition it waits for the end of it. */
  travel(from: string, to: string, arrive: () => void): void {
    const waiting = this.#cut.get(pair(from, to));
    if (waiting !== undefined) {
      waiting.push(() => this.travel(from, to, arrive));
      return;
    }
    const [low, high] = (this.#weather.get(pair(from, to)) ?? fair).delayMs;
    this.#scheduler.after(this.#random.between(low, high), arrive);
  }

  /** The end of a connection on which nothing passes any more, when the server's own patience is over. */
  travelNever(giveUp: () => void): void {
    this.#scheduler.after(this.#random.between(...patienceMs), giveUp);
  }
}

function pair(one: string, other: string): string {
  return one < other ? `${one}|${other}` : `${other}|${one}`;
}
