import type { TaskDirection } from '../../ports/replication.ts';
import { RegionCalls } from './calls.ts';
import { Connections } from './connections.ts';
import {
  type DmsEndpoints,
  type DmsRegion,
  defaultApiRate,
  defaultGiveUpAfterMs,
  defaultRequestTimeoutMs,
  defaultSettleMs,
  type ReplicationOptions,
} from './options.ts';
import { TokenBucket } from './pace.ts';
import { closedError, RegionPoller } from './poller.ts';
import { sdkApi } from './sdkApi.ts';

/** One home region: its calls, its poller, its connections. */
export interface Region {
  readonly homeRegion: string;
  readonly config: DmsRegion;
  readonly calls: RegionCalls;
  readonly poller: RegionPoller;
  readonly connections: Connections;
  readonly settleMs: number;
  readonly watchIntervalMs: number;
  close(): Promise<void>;
}

/** Opens a region. No call is made before somebody needs one. */
export function openRegion(homeRegion: string, config: DmsRegion, options: ReplicationOptions): Region {
  const { clock, pollIntervalMs, taskPrefix } = options;
  const watchIntervalMs = options.watchIntervalMs ?? pollIntervalMs * 5;
  const settleMs = options.settleMs ?? defaultSettleMs;
  const api =
    options.connect?.(config, homeRegion) ?? sdkApi(config, options.requestTimeoutMs ?? defaultRequestTimeoutMs);
  const calls = new RegionCalls(api, {
    bucket: new TokenBucket(options.apiRate ?? defaultApiRate, clock),
    clock,
    giveUpAfterMs: options.giveUpAfterMs ?? defaultGiveUpAfterMs,
    homeRegion,
    region: config.region,
    logger: options.logger,
  });
  const closing = new AbortController();
  const instanceArn = config.replicationInstanceArn;
  const poller = new RegionPoller({ calls, clock, taskPrefix, pollIntervalMs, watchIntervalMs });
  const connections = new Connections({ calls, clock, instanceArn, pollIntervalMs, settleMs, closing: closing.signal });
  return {
    homeRegion,
    config,
    calls,
    poller,
    connections,
    settleMs,
    watchIntervalMs,
    close: async () => {
      closing.abort(closedError());
      await poller.close();
      calls.close();
    },
  };
}

/** Endpoints of one direction. */
export function endpointsOf(region: Region, direction: TaskDirection): DmsEndpoints {
  return region.config[direction];
}
