import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Me } from '../../http/me.ts';
import type { MigrationStatus } from '../../service/status.ts';
import type { WaveStatus } from '../../service/waveStatus.ts';
import type { Order } from './dialog.ts';

/** What every part of the page may use. */
export interface PageContext {
  readonly token: string;
  readonly me: Me;
  /** Why nothing may be ordered at the moment; null where it may. */
  readonly idle: string | null;
  /** The controller's clock (epoch milliseconds). */
  readonly nowMs: () => number;
  /** Asks for confirmation, then gives the order. */
  readonly order: (order: Order) => void;
  /** A status that answered an order. */
  readonly took: (status: MigrationStatus) => void;
  readonly tookWave: (wave: WaveStatus) => void;
}

export const Page = createContext<PageContext | null>(null);

export function usePage(): PageContext {
  const page = useContext(Page);
  if (page === null) throw new Error('there is no page around this part');
  return page;
}

/** The controller's time, read again every so often. */
export function useNow(everyMs = 1_000): number {
  const { nowMs } = usePage();
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs();
}

/** True where the role may give what needs `role`. */
export function mayGive({ role, roles, needs }: Me, name: string): boolean {
  const needed = needs[name];
  return needed !== undefined && roles.indexOf(role) >= roles.indexOf(needed);
}
