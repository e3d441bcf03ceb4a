import { acknowledged, toCompleted, toReady, toSoaking } from '../stage.ts';
import { eachByItself, WRITES_AFTER_COMMIT } from './scenario.ts';

export const move = eachByItself(
  {
    name: 'move',
    about: 'three orgs move to the cluster under load while others go on untouched',
    movers: new Map([
      [4, 'completed'],
      [42, 'completed'],
      [420, 'completed'],
    ]),
  },
  async (stage, orgId) => {
    const id = await toReady(stage, orgId);
    await toSoaking(stage, id);
    await acknowledged(stage, orgId, WRITES_AFTER_COMMIT);
    await toCompleted(stage, id);
  },
);
