import type { Clock } from '../../../src/ports/clock.ts';
import type { Scheduler } from './scheduler.ts';

/** Epoch milliseconds at virtual time 0. */
const epochMs = 1_700_000_000_000;

/**
 * A process of the world, by the one door through which anything reaches it. Of a dead one nothing goes on: what it
 * waited for never comes. What comes to a stopped one waits until it is continued.
 */
export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  /** Added to the time of day (milliseconds); a jump changes it. */
  skewMs = 0;
  readonly #scheduler: Scheduler;
  readonly #ended: (() => void)[] = [];
  #state: 'running' | 'stopped' | 'dead' = 'running';
  #waiting: (() => void)[] = [];

  constructor(name: string, scheduler: Scheduler) {
    this.name = name;
    this.#scheduler = scheduler;
    this.clock = clockOf(this, scheduler);
  }

  get state(): 'running' | 'stopped' | 'dead' {
    return this.#state;
  }

  /** Everything that happens to the process comes through here. */
  deliver(work: () => void): void {
    if (this.#state === 'running') work();
    else if (this.#state === 'stopped') this.#waiting.push(work);
  }

  /** As by SIGSTOP. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  /** As by SIGCONT: all that came meanwhile happens now, each with what follows from it. */
  continue(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const work of waiting) this.#scheduler.after(0, () => this.deliver(work));
  }

  /** As by SIGKILL. Its connections hear of it. */
  kill(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#waiting = [];
    for (const hear of this.#ended.splice(0)) hear();
  }

  onEnd(hear: () => void): void {
    this.#ended.push(hear);
  }
}

function clockOf(process: SimProcess, scheduler: Scheduler): Clock {
  const after = (ms: number, work: () => void) => scheduler.after(ms, () => process.deliver(work));
  return {
    nowMs: () => Math.floor(epochMs + scheduler.nowMs + process.skewMs),
    monotonicMs: () => scheduler.nowMs,
    after(ms, work) {
      let wanted = true;
      const cancel = after(ms, () => {
        if (wanted) work();
      });
      return () => {
        wanted = false;
        cancel();
      };
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        let over = false;
        const stop = () => {
          over = true;
          cancel();
          reject(signal?.reason);
        };
        const cancel = after(ms, () => {
          if (over) return;
          signal?.removeEventListener('abort', stop);
          resolve();
        });
        signal?.addEventListener('abort', stop, { once: true });
      }),
    timeoutSignal(ms) {
      const controller = new AbortController();
      after(ms, () => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')));
      return controller.signal;
    },
  };
}
