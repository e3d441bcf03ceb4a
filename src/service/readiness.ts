import type { Missing } from '../errors/http.ts';
import { CutoverError, messageOf, named, ProxyTooOldError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';

/** Longest wait for one dependency, and how long an answer is good for (milliseconds): probes ask often. */
const patienceMs = 2_000;
const freshMs = 2_000;

/** Asks every dependency whether it answers. */
export class Readiness {
  readonly #estate: Estate;
  #answer: { atMs: number; missing: Promise<Missing[]> } | null = null;

  constructor(estate: Estate) {
    this.#estate = estate;
  }

  missing(): Promise<Missing[]> {
    const now = this.#estate.clock.monotonicMs();
    if (this.#answer === null || now - this.#answer.atMs > freshMs) {
      this.#answer = { atMs: now, missing: this.#ask() };
    }
    return this.#answer.missing;
  }

  async #ask(): Promise<Missing[]> {
    const { store, directory, sites, clusters, routing, replication, clock } = this.#estate;
    const places = [...sites, ...clusters.values()];
    const questions: [string, (signal: AbortSignal) => Promise<unknown>][] = [
      ['store', () => store.ping()],
      ['coredb', () => directory.ping()],
      ...places.map((place): [string, (signal: AbortSignal) => Promise<unknown>] => [
        `${place.kind} ${place.name}`,
        (signal) => place.ping(signal),
      ]),
      ...routing.proxies.map((proxy): [string, (signal: AbortSignal) => Promise<unknown>] => [
        `proxy ${proxy.name}`,
        async (signal) => {
          const { version, tooOld } = await proxy.inspect(signal);
          if (tooOld !== null) throw new ProxyTooOldError(proxy.name, version, tooOld);
        },
      ]),
      ...[...clusters.keys()].map((region): [string, (signal: AbortSignal) => Promise<unknown>] => [
        `dms ${region}`,
        (signal) => replication.ping(region, signal),
      ]),
    ];
    const answers = await Promise.all(
      questions.map(async ([dependency, ask]) => {
        const signal = clock.timeoutSignal(patienceMs);
        try {
          await Promise.race([ask(signal), rejectWith(signal)]);
          return null;
        } catch (error) {
          if (!(error instanceof CutoverError)) return { dependency, message: messageOf(error) };
          const { code, message, remedy } = named(error);
          return { dependency, message, code, remedy };
        }
      }),
    );
    return answers.filter((answer) => answer !== null);
  }
}

function rejectWith(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`no answer within ${patienceMs} ms`)), { once: true });
  });
}
