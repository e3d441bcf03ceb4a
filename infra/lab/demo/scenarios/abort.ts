import { openTransaction } from '../clients.ts';
import { acknowledged, ScenarioError, toCompleted, toReady, untilApproved, untilSoaking } from '../stage.ts';
import { eachByItself, WRITES_AFTER_COMMIT } from './scenario.ts';

/** Longer than the flip's budget, shorter than the proxies' patience with a parked query (milliseconds). */
const FROZEN_MS = 5_000;

export const abort = eachByItself(
  {
    name: 'abort',
    about: 'one proxy freezes in the hold: the source goes on serving, and the org moves when the proxy is back',
    movers: new Map([[42, 'completed']]),
  },
  async (stage, orgId) => {
    const { lab, api } = stage;
    const id = await toReady(stage, orgId);
    const frozen = lab.proxies.at(-1);
    if (frozen === undefined) throw new ScenarioError('the lab has no proxy');
    // An open transaction keeps the hold in its drain until the proxy is frozen.
    const end = await openTransaction(stage, orgId);
    await api.command(id, 'approve');
    await untilApproved(stage, id, 'in the drain', ({ state }) => state === 'flipping.drain');
    frozen.freeze();
    const frozenAtMs = Date.now();
    try {
      await end();
      await untilApproved(stage, id, 'an aborted attempt', ({ attempts }) =>
        attempts.some(({ decision }) => decision === 'abort'),
      );
      await pause(Math.max(0, FROZEN_MS - (Date.now() - frozenAtMs)));
    } finally {
      frozen.thaw();
    }
    await untilSoaking(stage, id);
    await acknowledged(stage, orgId, WRITES_AFTER_COMMIT);
    await toCompleted(stage, id);
  },
);

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
