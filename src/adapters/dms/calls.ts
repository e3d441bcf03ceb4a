import type { z } from 'zod';
import { type CutoverError, messageOf } from '../../errors/base.ts';
import {
  ReplicationRefusedError,
  ReplicationReplyError,
  ReplicationUnavailableError,
} from '../../errors/replication.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DmsApi, PagedRequest } from './api.ts';
import { faultOf } from './faults.ts';
import { namedFault } from './namedFaults.ts';
import type { DmsLogger } from './options.ts';
import { backoffMs, type TokenBucket } from './pace.ts';
import { pageSchema } from './replies.ts';

/** What became of a call that changes something. `unanswered`: it may or may not have been carried out. */
export interface ActResult {
  readonly outcome: 'done' | 'unanswered' | 'alreadyExists' | 'notFound' | 'wrongState';
  readonly message: string;
}

interface Page {
  readonly marker: string | null;
  readonly items: readonly unknown[];
}

type Send = (api: DmsApi, signal: AbortSignal) => Promise<unknown>;
type SendPage = (api: DmsApi, page: Pick<PagedRequest, 'marker'>, signal: AbortSignal) => Promise<unknown>;

/**
 * All calls to one region. Reads are repeated until DMS answers, or `giveUpAfterMs` is over. Changes are never
 * repeated here: after a lost reply only another look at the task can tell what to do.
 */
export class RegionCalls {
  readonly #api: DmsApi;
  readonly #bucket: TokenBucket;
  readonly #clock: Clock;
  readonly #giveUpAfterMs: number;
  readonly #homeRegion: string;
  readonly #region: string;
  readonly #logger: DmsLogger | undefined;

  constructor(
    api: DmsApi,
    deps: {
      bucket: TokenBucket;
      clock: Clock;
      giveUpAfterMs: number;
      homeRegion: string;
      /** AWS region that calls are meant for. */
      region: string;
      logger: DmsLogger | undefined;
    },
  ) {
    this.#api = api;
    this.#bucket = deps.bucket;
    this.#clock = deps.clock;
    this.#giveUpAfterMs = deps.giveUpAfterMs;
    this.#homeRegion = deps.homeRegion;
    this.#region = deps.region;
    this.#logger = deps.logger;
  }

  /** @returns null where DMS knows no such thing, or the thing is in no state to answer. */
  async read<T>(operation: string, send: Send, schema: z.ZodType<T>, signal: AbortSignal): Promise<T | null> {
    const beganMs = this.#clock.monotonicMs();
    for (let failures = 1; ; failures += 1) {
      await this.#bucket.take(signal);
      let reply: unknown;
      try {
        reply = await send(this.#api, signal);
      } catch (error) {
        const kind = this.#judge(operation, error, signal);
        if (kind !== 'unanswered') return null;
        const silentMs = this.#clock.monotonicMs() - beganMs;
        if (silentMs >= this.#giveUpAfterMs) throw this.#unavailable(operation, silentMs, error);
        await this.#clock.sleep(backoffMs(failures), signal);
        continue;
      }
      return this.parse(operation, schema, reply);
    }
  }

  /** Reads once: what DMS says now, or does not say, is the answer. `null` as in {@link read}. */
  async readOnce<T>(operation: string, send: Send, schema: z.ZodType<T>, signal: AbortSignal): Promise<T | null> {
    await this.#bucket.take(signal);
    let reply: unknown;
    try {
      reply = await send(this.#api, signal);
    } catch (error) {
      if (this.#judge(operation, error, signal) === 'unanswered') throw this.#unavailable(operation, 0, error);
      return null;
    }
    return this.parse(operation, schema, reply);
  }

  /** Reads every page. `null` as in {@link read}. */
  async readAll(operation: string, items: string, send: SendPage, signal: AbortSignal): Promise<unknown[] | null> {
    const all: unknown[] = [];
    const schema = pageSchema(items);
    let marker: string | null = null;
    do {
      const from: string | null = marker;
      const page: Page | null = await this.read<Page>(
        operation,
        (api, within) => send(api, { marker: from }, within),
        schema,
        signal,
      );
      if (page === null) return null;
      all.push(...page.items);
      marker = page.marker;
    } while (marker !== null);
    return all;
  }

  /** Sends a change once. */
  async act(operation: string, send: Send, signal: AbortSignal): Promise<ActResult> {
    await this.#bucket.take(signal);
    try {
      await send(this.#api, signal);
      return { outcome: 'done', message: '' };
    } catch (error) {
      return { outcome: this.#judge(operation, error, signal), message: messageOf(error) };
    }
  }

  /** Calls that could be made now without being in the way of anything urgent. */
  spare(): number {
    return this.#bucket.spare();
  }

  parse<T>(operation: string, schema: z.ZodType<T>, value: unknown): T {
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw new ReplicationReplyError(this.#homeRegion, operation, parsed.error);
    return parsed.data;
  }

  close(): void {
    this.#api.close();
  }

  #judge(operation: string, error: unknown, signal: AbortSignal): Exclude<ActResult['outcome'], 'done'> {
    signal.throwIfAborted();
    const fault = faultOf(error);
    if (fault === null) throw error;
    if (fault.kind === 'refused') throw this.#refused(operation, error);
    if (fault.kind === 'unanswered') {
      if (fault.throttled) this.#bucket.drain();
      this.#logger?.warn(
        { homeRegion: this.#homeRegion, operation, throttled: fault.throttled, error: messageOf(error) },
        'DMS did not answer',
      );
    }
    return fault.kind;
  }

  #refused(operation: string, error: unknown): CutoverError {
    const named = this.#named(error);
    if (named !== null) return named;
    const fault = error instanceof Error ? error.name : 'unknown';
    return new ReplicationRefusedError(`DMS refused ${operation}: ${fault}: ${messageOf(error)}`, {
      cause: error,
      details: { homeRegion: this.#homeRegion, operation, fault },
    });
  }

  #named(error: unknown): CutoverError | null {
    return namedFault(error, { homeRegion: this.#homeRegion, region: this.#region });
  }

  #unavailable(operation: string, silentMs: number, cause: unknown): CutoverError {
    const named = this.#named(cause);
    if (named !== null) return named;
    return new ReplicationUnavailableError(
      `DMS did not answer ${operation} for ${Math.round(silentMs)} ms: ${messageOf(cause)}`,
      { cause, details: { homeRegion: this.#homeRegion, operation, silentMs: Math.round(silentMs) } },
    );
  }
}
