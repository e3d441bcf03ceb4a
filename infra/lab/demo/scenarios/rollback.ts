import { acknowledged, toReady, toSoaking, until } from '../stage.ts';
import { eachByItself, WRITES_AFTER_COMMIT } from './scenario.ts';

export const rollback = eachByItself(
  {
    name: 'rollback',
    about: 'an operator takes the orgs back under load, with what was written on the cluster meanwhile',
    movers: new Map([
      [4, 'rolledBack'],
      [42, 'rolledBack'],
      [420, 'rolledBack'],
    ]),
  },
  async (stage, orgId) => {
    const id = await toReady(stage, orgId);
    await toSoaking(stage, id);
    await acknowledged(stage, orgId, WRITES_AFTER_COMMIT);
    await stage.api.command(id, 'rollback', 'the demonstration of the way back');
    await until(stage, id, 'rolledBack', ({ state }) => state === 'rolledBack');
    await acknowledged(stage, orgId, WRITES_AFTER_COMMIT);
  },
);
