import { describe, expect, it } from 'vitest';
import { forward, makeScene, planOf, type Scene } from './scene.ts';

const signal = new AbortController().signal;

/** A forward task that is loaded and runs. */
async function loaded(scene: Scene, generation = 1): Promise<void> {
  const ref = forward(generation);
  await scene.until(scene.replication.ensureTask(planOf(ref), signal));
  await scene.until(scene.replication.ensureStarted(ref, null, signal));
  await scene.until(scene.replication.waitFullLoad(ref, signal, () => {}));
}

const same = async (scene: Scene) =>
  JSON.stringify(await scene.rows(scene.site)) === JSON.stringify(await scene.rows(scene.cluster));

/** Some of everything, at the site. */
async function write(scene: Scene, from: number): Promise<void> {
  await scene.sql(scene.site, `INSERT INTO BigDB.T VALUES (42, ${from}, 1), (4, ${from}, 1), (42, ${from + 1}, 1)`);
  await scene.sql(scene.site, 'UPDATE BigDB.T SET Version = Version + 1 WHERE ID <= 3');
  await scene.sql(scene.site, `DELETE FROM BigDB.T WHERE ID = ${from + 1}`);
}

const taskOf = ({ dms }: Scene) => {
  const [task] = dms.tasks;
  if (task === undefined) throw new Error('there is no task');
  return task;
};

describe('the simulated DMS, driven by the product', () => {
  it.each([1, 2, 3, 4, 5])('loads and carries the org’s rows and no others (seed %i)', async (seed) => {
    const scene = await makeScene(seed);
    const loading = loaded(scene);
    for (let from = 100; from < 160; from += 10) {
      await scene.until(scene.scheduler.sleep(40));
      await write(scene, from);
    }
    await loading;
    await write(scene, 200);
    await scene.pass('the same rows', () => same(scene));
    expect(await scene.rows(scene.cluster, 4)).toEqual([]);
    expect(await scene.rows(scene.cluster)).not.toEqual([]);
    await scene.until(scene.replication.ensureGone(forward(), signal));
    expect(scene.dms.tasks).toEqual([]);
    expect(scene.faults).toEqual([]);
  });

  it.each([
    1, 2, 3, 4, 5, 6,
  ])('loses and doubles nothing through crashes of its target and cuts (seed %i)', async (seed) => {
    const scene = await makeScene(seed);
    await loaded(scene);
    for (let from = 100; from < 200; from += 10) {
      await write(scene, from);
      await scene.until(scene.scheduler.sleep(seed * 3));
      if (from === 130) scene.cluster.crash();
      if (from === 150) scene.cluster.restart();
      if (from === 160) scene.network.cut('dms', 'cluster');
      if (from === 180) scene.network.heal('dms', 'cluster');
    }
    await scene.pass('the same rows', () => same(scene));
    expect(taskOf(scene).status).toBe('running');
    expect(scene.faults).toEqual([]);
  });

  it('leaves rows out when its source goes away in the load, and does not say so', async () => {
    const scene = await makeScene();
    const loading = loaded(scene);
    await scene.pass('rows of the load', async () => (await scene.rows(scene.cluster)).length > 0);
    scene.site.crash();
    scene.site.restart();
    await loading;
    expect((await scene.rows(scene.cluster)).length).toBeLessThan(6);
  });

  it('stays behind with a table in error while the task says that it runs', async () => {
    const scene = await makeScene();
    await loaded(scene);
    taskOf(scene).failTable('BigDB.T');
    const observed = await scene.until(scene.replication.observe(forward()));
    await scene.pass('the error', async () => {
      const state = await scene.until(scene.replication.observe(forward()));
      return state !== null && state.erroredTables.length > 0;
    });
    expect(observed).not.toBeNull();
    expect(taskOf(scene).status).toBe('running');
  });
});
