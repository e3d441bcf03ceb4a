import { acknowledged, toReady, toSoaking, until } from '../stage.ts';
import { eachByItself, WRITES_AFTER_COMMIT } from './scenario.ts';

/** Far over the limit of the scenario's policy (milliseconds). */
const INJECTED_LAG_MS = 4_000;

export const lagBreach = eachByItself(
  {
    name: 'lag-breach',
    about: 'the way back falls behind while the orgs soak: they go back by themselves',
    lab: { policy: { reverseLagMs: 1_500, reverseLagForMs: 2_000, soakMs: 600_000 } },
    movers: new Map([
      [4, 'rolledBack'],
      [42, 'rolledBack'],
      [420, 'rolledBack'],
    ]),
  },
  async (stage, orgId) => {
    const { api, lab } = stage;
    const id = await toReady(stage, orgId);
    await toSoaking(stage, id);
    await acknowledged(stage, orgId, WRITES_AFTER_COMMIT);
    const task = `bigdb-org${orgId}-reverse`;
    await lab.dms.faults.applyLag(INJECTED_LAG_MS, task);
    await until(stage, id, 'rolling back', ({ state }) => state.startsWith('rollingBack'));
    const { reason } = await api.get(id);
    if (reason?.code !== 'REVERSE_LAG') throw new Error(`org ${orgId} goes back for ${reason?.code}, not for its lag`);
    // No write is thrown away: until the way back is in step, the org stays where it is.
    await lab.dms.faults.applyLag(0, task);
    await until(stage, id, 'rolledBack', ({ state }) => state === 'rolledBack');
    await acknowledged(stage, orgId, WRITES_AFTER_COMMIT);
  },
);
