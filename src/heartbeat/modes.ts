import type { MigrationContext } from '../../statecharts/context.ts';
import { isStuckOnCluster } from '../returnPath/wayBack.ts';

/** How an org's heartbeats go in a state: which way, and whether every 100 ms. */
export function heartbeatMode(
  state: string,
  migration: MigrationContext,
): { direction: 'forward' | 'back'; fast: boolean } | null {
  const [phase, step] = state.split('.');
  switch (phase) {
    case 'replicating':
      return step === 'cdc' ? { direction: 'forward', fast: false } : null;
    case 'lagCheck':
    case 'flipping':
      return { direction: 'forward', fast: true };
    case 'ready':
    case 'drifted':
    case 'paused':
      return { direction: 'forward', fast: false };
    case 'rollingBack':
      if (step === 'settling' || step === 'comparing' || step === 'exportingLast') return null;
      return { direction: 'back', fast: step !== 'exporting' };
    case 'needsOperator':
      return isStuckOnCluster(state, migration) ? { direction: 'back', fast: false } : null;
    case 'verifying':
      return step === 'comparing' ? { direction: 'back', fast: false } : null;
    case 'soaking':
    case 'completing':
      return { direction: 'back', fast: false };
    default:
      return null;
  }
}
