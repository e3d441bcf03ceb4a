import type { Counter, Histogram, Registry } from 'prom-client';
import { CutoverError } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Keep } from './guard.ts';
import { counter, histogram } from './registry.ts';

/** Upper bounds of a call's duration (seconds): a read in memory to a time-out. */
const callBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** How long the calls to one kind of dependency take, and how they fail. */
export class CallMeter {
  readonly #duration: Histogram;
  readonly #errors: Counter;
  readonly #clock: Clock;
  readonly #codeOf: (error: unknown) => string;
  readonly #keep: Keep;

  /** `name` begins both names: `proxy_call`. `labels` tell dependencies apart, beside `operation`. */
  constructor(deps: {
    registry: Registry;
    clock: Clock;
    keep: Keep;
    name: string;
    what: string;
    labels: readonly string[];
    codeOf?: (error: unknown) => string;
  }) {
    const labels = [...deps.labels, 'operation'];
    this.#clock = deps.clock;
    this.#keep = deps.keep;
    this.#codeOf = deps.codeOf ?? codeOf;
    this.#duration = histogram(
      deps.registry,
      { name: `${deps.name}_duration_seconds`, help: `Duration of ${deps.what}, failed ones too`, labels },
      callBuckets,
    );
    this.#errors = counter(deps.registry, {
      name: `${deps.name}_errors_total`,
      help: `Failures of ${deps.what}; what was given up by the caller is none`,
      labels: [...labels, 'code'],
    });
  }

  /**
   * The same object with every method that answers with a promise timed. `heard` is told of each answer before the
   * caller is.
   */
  wrap<T extends object>(target: T, labels: Readonly<Record<string, string>>, heard: Heard = {}): T {
    const wrapped = new Map<PropertyKey, unknown>();
    return new Proxy(target, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name);
        if (typeof value !== 'function' || typeof name !== 'string') return value;
        const known = wrapped.get(name) ?? this.#timed(of, name, value as Method, labels, heard);
        wrapped.set(name, known);
        return known;
      },
    });
  }

  #timed(of: object, operation: string, method: Method, labels: Readonly<Record<string, string>>, heard: Heard) {
    return (...given: unknown[]): unknown => {
      const beganMs = this.#clock.monotonicMs();
      const result = Reflect.apply(method, of, given);
      if (!(result instanceof Promise)) return result;
      const ended = () =>
        this.#duration.observe({ ...labels, operation }, seconds(this.#clock.monotonicMs() - beganMs));
      return result.then(
        (answer: unknown) => {
          this.#keep(() => {
            ended();
            heard.answered?.(operation, given, answer);
          });
          return answer;
        },
        (error: unknown) => {
          this.#keep(() => {
            ended();
            if (!isGivenUp(given)) this.#errors.inc({ ...labels, operation, code: this.#codeOf(error) });
            heard.failed?.(operation, error);
          });
          throw error;
        },
      );
    };
  }
}

/** Who wants to know of the calls. */
export interface Heard {
  answered?(operation: string, given: readonly unknown[], answer: unknown): void;
  failed?(operation: string, error: unknown): void;
}

type Method = (...given: unknown[]) => unknown;

/** The stable code of an error; all that have none are one. */
export function codeOf(error: unknown): string {
  return error instanceof CutoverError ? error.code : 'INTERNAL';
}

/** The caller no longer wanted the answer: that says nothing of who was asked. */
function isGivenUp(given: readonly unknown[]): boolean {
  return given.some((one) => one instanceof AbortSignal && one.aborted && !isTimeout(one.reason));
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}

export function seconds(ms: number): number {
  return ms / 1_000;
}
