import { ReplicationConnectionError, ReplicationRefusedError } from '../../errors/replication.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RegionCalls } from './calls.ts';
import { abortable } from './pace.ts';
import { connectionSchema, type ObservedConnection } from './replies.ts';

/** How long a successful test is believed without another look (ms). */
const believedMs = 60_000;
/** Tests that may fail before the caller hears of it: the first failure may be left over from long ago. */
const tests = 2;
/** Longest wait for the result of a test (ms). */
const testLimitMs = 300_000;

/** Connections from one replication instance to its endpoints. DMS starts no task whose connections were not tested. */
export class Connections {
  readonly #calls: RegionCalls;
  readonly #clock: Clock;
  readonly #instanceArn: string;
  readonly #pollIntervalMs: number;
  readonly #settleMs: number;
  readonly #closing: AbortSignal;
  readonly #seenAtMs = new Map<string, number>();
  readonly #running = new Map<string, Promise<void>>();

  constructor(deps: {
    calls: RegionCalls;
    clock: Clock;
    instanceArn: string;
    pollIntervalMs: number;
    settleMs: number;
    closing: AbortSignal;
  }) {
    this.#calls = deps.calls;
    this.#clock = deps.clock;
    this.#instanceArn = deps.instanceArn;
    this.#pollIntervalMs = deps.pollIntervalMs;
    this.#settleMs = deps.settleMs;
    this.#closing = deps.closing;
  }

  /** Resolves when each endpoint's last test succeeded. Many callers share one test. */
  async ensureTested(endpointArns: readonly string[], signal: AbortSignal): Promise<void> {
    await Promise.all(endpointArns.map((arn) => abortable(this.#shared(arn), signal)));
  }

  /** Makes the next {@link ensureTested} look again. */
  forget(endpointArns: readonly string[]): void {
    for (const arn of endpointArns) this.#seenAtMs.delete(arn);
  }

  /** Every connection of the instance as DMS shows it. */
  async list(signal: AbortSignal): Promise<readonly ObservedConnection[]> {
    const filters = [{ name: 'replication-instance-arn', values: [this.#instanceArn] }];
    const items = await this.#calls.readAll(
      'DescribeConnections',
      'Connections',
      (api, { marker }, within) => api.describeConnections({ filters, marker, maxRecords: 100 }, within),
      signal,
    );
    const all = (items ?? []).map((item) => this.#calls.parse('DescribeConnections', connectionSchema, item));
    return all.filter(({ instanceArn }) => instanceArn === this.#instanceArn);
  }

  #shared(endpointArn: string): Promise<void> {
    const running = this.#running.get(endpointArn);
    if (running !== undefined) return running;
    const test = this.#ensureOne(endpointArn).finally(() => this.#running.delete(endpointArn));
    // A caller that has gone meanwhile does not hear of its end.
    test.catch(() => undefined);
    this.#running.set(endpointArn, test);
    return test;
  }

  async #ensureOne(endpointArn: string): Promise<void> {
    const seenAtMs = this.#seenAtMs.get(endpointArn);
    const beganMs = this.#clock.monotonicMs();
    if (seenAtMs !== undefined && beganMs - seenAtMs < believedMs) return;
    let asked = 0;
    /** When the last test was asked for; null once DMS has shown it running. */
    let askedAtMs: number | null = null;
    for (;;) {
      const connections = await this.list(this.#closing);
      const found = connections.find((one) => one.endpointArn === endpointArn);
      const nowMs = this.#clock.monotonicMs();
      if (found?.status === 'successful') {
        this.#seenAtMs.set(endpointArn, nowMs);
        return;
      }
      if (found?.status === 'testing') askedAtMs = null;
      // Until then what is shown may be older than the test.
      else if (askedAtMs === null || nowMs - askedAtMs >= this.#settleMs) {
        if (asked >= tests) throw new ReplicationConnectionError(endpointArn, found?.lastFailure ?? 'no reason given');
        await this.#test(endpointArn);
        asked += 1;
        askedAtMs = this.#clock.monotonicMs();
      }
      if (nowMs - beganMs > testLimitMs) {
        throw new ReplicationConnectionError(endpointArn, `no result after ${testLimitMs} ms`);
      }
      await this.#clock.sleep(this.#pollIntervalMs, this.#closing);
    }
  }

  async #test(endpointArn: string): Promise<void> {
    const request = { instanceArn: this.#instanceArn, endpointArn };
    const { outcome, message } = await this.#calls.act(
      'TestConnection',
      (api, within) => api.testConnection(request, within),
      this.#closing,
    );
    // `wrongState` is "already being tested": somebody else's test is as good. A lost reply: the next look tells.
    if (outcome === 'notFound') {
      throw new ReplicationRefusedError(`DMS knows no such endpoint or instance: ${message}`, {
        details: { endpointArn, instanceArn: this.#instanceArn },
      });
    }
  }
}
