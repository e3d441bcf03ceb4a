import { type Problem, problemOf } from '../api.ts';
import { EventParser, type ServerEvent } from './parser.ts';

/** How it stands with a stream. Times are the browser's own. */
export type Standing =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** Broken off; what is shown is as old as `sinceMs`. */
  | { readonly kind: 'lost'; readonly sinceMs: number; readonly retryAtMs: number; readonly why: string }
  /** Answered with a problem that does not pass by waiting. */
  | { readonly kind: 'refused'; readonly problem: Problem };

/** The controller says something every five seconds: after three of them without a word the connection is dead. */
const silenceMs = 16_000;
const firstRetryMs = 500;
const longestRetryMs = 15_000;
/** A stream that lasted this long was a good one: the next try needs no wait. */
const steadyMs = 2_000;
const endedText = 'the controller ended the connection';
/** A page that nobody sees gives its connection back: a browser has six of them for each host. */
const hiddenForMs = 60_000;

/**
 * Reads server-sent events with fetch, since an EventSource can send no token; comes back by itself where it broke off,
 * and says so meanwhile.
 */
export class Connection {
  readonly #path: string;
  readonly #token: string;
  readonly #heard: (event: ServerEvent) => void;
  readonly #stands: (standing: Standing) => void;
  readonly #ended = new AbortController();
  #attempt: AbortController | null = null;
  #lastId: string | null = null;
  #spokeAtMs = 0;
  #begunAtMs = Number.POSITIVE_INFINITY;
  #failures = 0;
  #wake: (() => void) | null = null;
  #hideTimer: ReturnType<typeof setTimeout> | undefined;
  #asleep = false;

  constructor(options: {
    path: string;
    token: string;
    heard: (event: ServerEvent) => void;
    stands: (standing: Standing) => void;
  }) {
    this.#path = options.path;
    this.#token = options.token;
    this.#heard = options.heard;
    this.#stands = options.stands;
    const { signal } = this.#ended;
    addEventListener('online', () => this.retryNow(), { signal });
    document.addEventListener('visibilitychange', () => this.#seen(), { signal });
    void this.#run();
  }

  close(): void {
    this.#ended.abort();
    clearTimeout(this.#hideTimer);
    this.#attempt?.abort();
    this.#wake?.();
  }

  retryNow(): void {
    this.#failures = 0;
    this.#wake?.();
  }

  #seen(): void {
    clearTimeout(this.#hideTimer);
    if (document.hidden) {
      this.#hideTimer = setTimeout(() => {
        this.#asleep = true;
        this.#attempt?.abort();
      }, hiddenForMs);
    } else if (this.#asleep) {
      this.#asleep = false;
      this.retryNow();
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    this.#stands({ kind: 'connecting' });
    while (!signal.aborted) {
      this.#begunAtMs = Number.POSITIVE_INFINITY;
      const why = await this.#read();
      if (signal.aborted) return;
      const wasSteady = Date.now() - this.#begunAtMs > steadyMs;
      if (wasSteady) this.#failures = 0;
      if (typeof why !== 'string') {
        this.#stands({ kind: 'refused', problem: why });
        return;
      }
      const waitMs = this.#asleep ? Number.POSITIVE_INFINITY : this.#nextWaitMs();
      // The end of a stream's life is no loss: the next one begins at once.
      if (wasSteady && why === endedText) continue;
      this.#stands({ kind: 'lost', sinceMs: this.#spokeAtMs || Date.now(), retryAtMs: Date.now() + waitMs, why });
      if (waitMs > 0) await this.#pause(waitMs);
    }
  }

  #nextWaitMs(): number {
    const failures = this.#failures++;
    if (failures === 0) return 0;
    const longest = Math.min(longestRetryMs, firstRetryMs * 2 ** failures);
    // Not all pages at the same moment, after a controller came back.
    return longest / 2 + (longest / 2) * Math.random();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(ms) ? setTimeout(() => this.#wake?.(), ms) : undefined;
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }

  /** Reads until the stream ends: why it did, or the problem that it was refused with for good. */
  async #read(): Promise<string | Problem> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const spoke = () => {
      this.#spokeAtMs = Date.now();
      clearTimeout(timer);
      timer = setTimeout(() => attempt.abort(), silenceMs);
    };
    timer = setTimeout(() => attempt.abort(), silenceMs);
    try {
      const reply = await fetch(this.#path, {
        signal: attempt.signal,
        cache: 'no-store',
        credentials: 'omit',
        headers: {
          accept: 'text/event-stream',
          authorization: `Bearer ${this.#token}`,
          ...(this.#lastId === null ? {} : { 'last-event-id': this.#lastId }),
        },
      });
      if (!reply.ok) {
        const problem = await problemOf(reply);
        return reply.status >= 500 || reply.status === 429 ? problem.detail : problem;
      }
      if (reply.body === null) return 'the answer is empty';
      const parser = new EventParser();
      const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return endedText;
        spoke();
        for (const event of parser.take(value)) {
          if (event.id !== null) this.#lastId = event.id;
          if (event.event === 'hello') this.#begun();
          this.#heard(event);
        }
      }
    } catch {
      return attempt.signal.aborted ? 'the controller fell silent' : 'the controller cannot be reached';
    } finally {
      clearTimeout(timer);
      attempt.abort();
    }
  }

  #begun(): void {
    this.#begunAtMs = Date.now();
    this.#stands({ kind: 'live' });
  }
}
