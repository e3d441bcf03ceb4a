import { openTransaction } from '../clients.ts';
import { acknowledged, ScenarioError, toCompleted, toReady, untilApproved, untilSoaking } from '../stage.ts';
import { eachByItself, WRITES_AFTER_COMMIT } from './scenario.ts';

export const longTransaction = eachByItself(
  {
    name: 'long-transaction',
    about: 'a transaction outlasts the drain: the first attempt is aborted, a later one succeeds',
    movers: new Map([
      [42, 'completed'],
      [420, 'completed'],
    ]),
  },
  async (stage, orgId) => {
    const id = await toReady(stage, orgId);
    const end = await openTransaction(stage, orgId);
    try {
      await stage.api.command(id, 'approve');
      await untilApproved(stage, id, 'an aborted attempt', ({ attempts }) =>
        attempts.some(({ decision }) => decision === 'abort'),
      );
    } finally {
      await end();
    }
    const { attempts } = await untilSoaking(stage, id);
    const [first] = attempts;
    if (first?.reason?.code !== 'DRAIN_TIMEOUT') {
      throw new ScenarioError(`org ${orgId}'s first attempt ended with ${first?.reason?.code}, not with its drain`);
    }
    await acknowledged(stage, orgId, WRITES_AFTER_COMMIT);
    await toCompleted(stage, id);
  },
);
