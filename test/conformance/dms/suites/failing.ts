import { beforeEach, describe, expect, test } from 'vitest';
import { SCHEMA, type TaskBench } from './bench.ts';

/** What ends a task, and what is left then. */
export function failingSuite(given: () => TaskBench): void {
  describe('a task that fails', () => {
    let bench: TaskBench;
    beforeEach(() => {
      bench = given();
    });

    test('at a position that its source does not have, for good', async () => {
      const task = await bench.create({ migrationType: 'cdc' });
      await task.start('mysql-bin-changelog.000987:373');
      const failed = await task.until('failed');
      expect(failed.StopReason).toBe('Stop Reason FATAL_ERROR');
      expect(failed.LastFailureMessage).toMatch(/binary log/);
    });

    test.each([
      ['there already', 'INSERT INTO $.Calls VALUES (42, 100, 9)', 'INSERT INTO $.Calls VALUES (42, 100, 1)'],
      ['not there to be changed', 'DELETE FROM $.Calls WHERE ID = 1', 'UPDATE $.Calls SET Version = 2 WHERE ID = 1'],
      ['not there to be deleted', 'DELETE FROM $.Calls WHERE ID = 1', 'DELETE FROM $.Calls WHERE ID = 1'],
    ])('at a row that is %s', async (_, atTarget, atSource) => {
      await bench.sql('site', `INSERT INTO ${SCHEMA}.Calls VALUES (42, 1, 1)`);
      const task = await bench.create();
      await task.run();
      await bench.sql('cluster', atTarget.replace('$', SCHEMA));
      await bench.sql('site', atSource.replace('$', SCHEMA));
      expect((await task.until('failed')).StopReason).toBe('Stop Reason FATAL_ERROR');
      // It says so and stays: resumed, it meets the same row.
      await task.resume();
      await task.until('failed');
    });

    test('at the first row of a load that is there already', async () => {
      await bench.sql('site', `INSERT INTO ${SCHEMA}.Calls VALUES (42, 1, 1)`);
      await bench.sql('cluster', `INSERT INTO ${SCHEMA}.Calls VALUES (42, 1, 1)`);
      const task = await bench.create();
      await task.start();
      await task.until('failed');
    });

    test('at a trigger that refuses its writes; nothing of the transaction is there, and it can be resumed', async () => {
      const task = await bench.create();
      await task.run();
      await bench.sql(
        'cluster',
        `CREATE TRIGGER ${SCHEMA}.fence BEFORE INSERT ON ${SCHEMA}.Marks FOR EACH ROW BEGIN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'fenced'; END`,
      );
      try {
        await bench.sql(
          'site',
          'START TRANSACTION',
          `INSERT INTO ${SCHEMA}.Calls VALUES (42, 1, 1)`,
          `INSERT INTO ${SCHEMA}.Marks VALUES (42, 1)`,
          'COMMIT',
        );
        expect((await task.until('failed')).LastFailureMessage).toMatch(/fenced/);
        expect(await bench.rows('cluster')).toEqual([]);
      } finally {
        await bench.sql('cluster', `DROP TRIGGER ${SCHEMA}.fence`);
      }
      await task.run('resume');
      await bench.untilSame();
      expect(await bench.rows('cluster')).toEqual(['42 1 1']);
    });

    test('when both directions run at once: nothing prevents the loop', async () => {
      const forward = await bench.create({ tables: ['Calls'] });
      await forward.run();
      const reverse = await bench.create({ tables: ['Calls'], from: 'cluster', migrationType: 'cdc' });
      await reverse.run();
      let id = 0;
      const failed = await bench.waitUntil('the reverse task to fail', async () => {
        id += 1;
        await bench.sql('site', `INSERT INTO ${SCHEMA}.Calls VALUES (42, ${id}, 1)`);
        const task = await reverse.describe();
        return task?.Status === 'failed' ? task : undefined;
      });
      expect(failed.LastFailureMessage).toMatch(/Duplicate entry/);
    });
  });
}
