import { messageOf } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';

/** Longest wait for one dependency, and how long an answer is good for (milliseconds): probes ask often. */
const patienceMs = 2_000;
const freshMs = 2_000;

/** Asks every dependency whether it answers. */
export class Readiness {
  readonly #estate: Estate;
  #answer: { atMs: number; missing: Promise<{ dependency: string; message: string }[]> } | null = null;

  constructor(estate: Estate) {
    this.#estate = estate;
  }

  missing(): Promise<{ dependency: string; message: string }[]> {
    const now = this.#estate.clock.monotonicMs();
    if (this.#answer === null || now - this.#answer.atMs > freshMs) {
      this.#answer = { atMs: now, missing: this.#ask() };
    }
    return this.#answer.missing;
  }

  async #ask(): Promise<{ dependency: string; message: string }[]> {
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
        (signal) => proxy.ping(signal),
      ]),
      ...[...clusters.keys()].map((region): [string, (signal: AbortSignal) => Promise<unknown>] => [
        `dms ${region}`,
        (signal) => replication.tasksOf(0, region, signal),
      ]),
    ];
    const answers = await Promise.all(
      questions.map(async ([dependency, ask]) => {
        const signal = clock.timeoutSignal(patienceMs);
        try {
          await Promise.race([ask(signal), rejectWith(signal)]);
          return null;
        } catch (error) {
          return { dependency, message: messageOf(error) };
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
