import { useEffect, useRef, useState } from 'preact/hooks';
import type { LagPoint, MigrationStatus } from '../../service/status.ts';
import type { WaveStatus } from '../../service/waveStatus.ts';
import { ask, Refusal } from '../api.ts';
import { Connection, type Standing } from '../live/connection.ts';
import { type Feed, heard, nothingHeard, withHistory, withStatus, withWave } from '../model/feed.ts';

/** What a stream tells, how it stands with it, and what may be done about that. */
export interface Live {
  readonly feed: Feed;
  readonly standing: Standing;
  readonly retryNow: () => void;
  readonly took: (status: MigrationStatus) => void;
  readonly tookWave: (wave: WaveStatus) => void;
}

/**
 * Reads the stream at the path. Another path begins anew; what concerns them all stays. `history` is where the lag of the
 * past is, which is asked for each time the stream begins.
 */
export function useFeed(path: string, history: string | null, token: string): Live {
  const [state, setState] = useState<{ path: string; feed: Feed; standing: Standing }>({
    path,
    feed: nothingHeard,
    standing: { kind: 'connecting' },
  });
  const connection = useRef<Connection | null>(null);
  useEffect(() => {
    setState(({ feed: { freeze, aheadMs, version } }) => ({
      path,
      feed: { ...nothingHeard, freeze, aheadMs, version },
      standing: { kind: 'connecting' },
    }));
    let isOpen = true;
    const askHistory = async () => {
      if (history === null) return;
      try {
        const { points } = await ask<{ points: LagPoint[] }>(token, 'GET', history);
        if (isOpen) setState((last) => ({ ...last, feed: withHistory(last.feed, points) }));
      } catch (error) {
        // The picture begins later, then; the stream says what is wrong with the connection.
        if (!(error instanceof Refusal)) throw error;
      }
    };
    const opened = new Connection({
      path,
      token,
      heard: (event) => setState((last) => ({ ...last, feed: heard(last.feed, event, Date.now()) })),
      stands: (standing) => {
        setState((last) => ({ ...last, standing }));
        if (standing.kind === 'live') void askHistory();
      },
    });
    connection.current = opened;
    return () => {
      isOpen = false;
      opened.close();
    };
  }, [path, history, token]);
  const isCurrent = state.path === path;
  return {
    feed: isCurrent ? state.feed : nothingHeard,
    standing: isCurrent ? state.standing : { kind: 'connecting' },
    retryNow: () => connection.current?.retryNow(),
    took: (status) =>
      setState((last) =>
        last.feed.status === null || last.feed.status.id === status.id
          ? { ...last, feed: withStatus(last.feed, status) }
          : last,
      ),
    tookWave: (wave) =>
      setState((last) => (last.feed.wave?.id === wave.id ? { ...last, feed: withWave(last.feed, wave) } : last)),
  };
}
