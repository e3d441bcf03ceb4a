import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient } from '../errors/base.ts';
import type { MigrationService, TimelineEvent } from '../service/status.ts';

/** How streams behave. Durations in milliseconds. */
export interface StreamSettings {
  /** How often a stream asks for new events. */
  readonly pollMs: number;
  /** Silence after which a comment is sent, so that nothing between takes the connection for dead. */
  readonly heartbeatMs: number;
  /** Open streams that one controller serves. */
  readonly limit: number;
}

export const streamDefaults: StreamSettings = { pollMs: 500, heartbeatMs: 15_000, limit: 200 };

const pageSize = 200;
/** What browsers wait before they connect again. */
const reconnectMs = 2_000;

/**
 * The timeline as server-sent events, from after `after` until the signal aborts. While the store does not answer the
 * stream goes on with heartbeats: a browser would give up for good on a reconnect that is answered with an error.
 */
export async function* eventStream(
  service: Pick<MigrationService, 'events'>,
  id: string,
  after: number,
  settings: StreamSettings,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  yield `retry: ${reconnectMs}\n\n`;
  let last = after;
  let spokeAtMs = performance.now();
  while (!signal.aborted) {
    const events = await eventsOrNone(service, id, last);
    for (const event of events) {
      yield frame(event);
      last = event.seq;
    }
    const nowMs = performance.now();
    if (events.length > 0) spokeAtMs = nowMs;
    else if (nowMs - spokeAtMs >= settings.heartbeatMs) {
      spokeAtMs = nowMs;
      yield ': still here\n\n';
    }
    if (events.length === pageSize) continue;
    await sleep(settings.pollMs, undefined, { signal }).catch(() => undefined);
  }
}

async function eventsOrNone(
  service: Pick<MigrationService, 'events'>,
  id: string,
  after: number,
): Promise<TimelineEvent[]> {
  try {
    return await service.events(id, { after, limit: pageSize });
  } catch (error) {
    if (isTransient(error)) return [];
    throw error;
  }
}

/** The sequence number is the event's id: a client that comes back sends it as `Last-Event-ID`. */
function frame(event: TimelineEvent): string {
  return `id: ${event.seq}\nevent: timeline\ndata: ${JSON.stringify(event)}\n\n`;
}
