/** How an org's heartbeats go in a state: which way, and whether every 100 ms. */
export function heartbeatMode(state: string): { direction: 'forward' | 'back'; fast: boolean } | null {
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
      return step === 'settling' || step === 'comparing' ? null : { direction: 'back', fast: true };
    case 'verifying':
      return step === 'comparing' ? { direction: 'back', fast: false } : null;
    case 'soaking':
      return { direction: 'back', fast: false };
    default:
      return null;
  }
}
