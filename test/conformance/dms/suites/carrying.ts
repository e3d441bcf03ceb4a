import { beforeEach, describe, expect, test } from 'vitest';
import { calls, SCHEMA, type TaskBench } from './bench.ts';

/** What arrives at the target, from where on, and how often. */
export function carryingSuite(given: () => TaskBench): void {
  describe('full load and change capture', () => {
    let bench: TaskBench;
    beforeEach(() => {
      bench = given();
    });

    /** Writes, changes and deletes at the site, `enough` times at least, until it is told to end. */
    const write = (from: number) => {
      let going = true;
      let written = 0;
      const writing = (async () => {
        for (let id = from; going; id += 10) {
          await bench.sql(
            'site',
            `INSERT INTO ${SCHEMA}.Calls VALUES ${calls(id, 2)}, ${calls(id, 1, 43)}`,
            `UPDATE ${SCHEMA}.Calls SET Version = Version + 1 WHERE ID % 97 = ${id % 97}`,
            `DELETE FROM ${SCHEMA}.Calls WHERE OrgID = 42 AND ID = ${id + 1}`,
            `INSERT INTO ${SCHEMA}.Marks VALUES (42, ${id})`,
          );
          written += 1;
          await bench.sleep(5);
        }
      })();
      return {
        more: (count: number) => {
          const wanted = written + count;
          return bench.waitUntil('more writes', async () => written >= wanted);
        },
        async end() {
          going = false;
          await writing;
        },
      };
    };

    test('rows written, changed and deleted while the load runs arrive exactly once, and no other org’s', async () => {
      await bench.sql('site', `INSERT INTO ${SCHEMA}.Calls VALUES ${calls(1, bench.manyRows)}`);
      const task = await bench.create();
      const writer = write(10_001);
      await task.run();
      await writer.more(10);
      await writer.end();
      await bench.untilSame();
      expect(await bench.rows('cluster', 'Calls', 43)).toEqual([]);
      // The policies stop the task at the first duplicate or missing row.
      expect((await task.describe())?.Status).toBe('running');
    });

    test('org ids that are prefixes of each other are told apart', async () => {
      await bench.sql('site', `INSERT INTO ${SCHEMA}.Calls VALUES (4, 1, 1), (42, 2, 1), (420, 3, 1)`);
      const task = await bench.create();
      await task.run();
      await bench.sql(
        'site',
        `INSERT INTO ${SCHEMA}.Calls VALUES (4, 4, 1), (42, 5, 1), (420, 6, 1)`,
        `UPDATE ${SCHEMA}.Calls SET Version = 2`,
        `DELETE FROM ${SCHEMA}.Calls WHERE OrgID <> 42`,
      );
      await bench.untilRows('cluster', ['42 2 2', '42 5 2']);
      expect(await bench.sql('cluster', `SELECT COUNT(*) FROM ${SCHEMA}.Calls`)).toEqual(['2']);
    });

    test('transactions arrive whole and in commit order', async () => {
      const task = await bench.create();
      await task.run();
      let watching = true;
      const broken: string[] = [];
      const watched = (async () => {
        while (watching) {
          // Every transaction writes two calls and, between them, one mark.
          const [seen = ''] = await bench.sql(
            'cluster',
            `SELECT (SELECT COUNT(*) FROM ${SCHEMA}.Calls), (SELECT COUNT(*) FROM ${SCHEMA}.Marks), (SELECT COALESCE(MAX(ID), 0) FROM ${SCHEMA}.Marks)`,
          );
          const [inCalls, inMarks, highest] = seen.split(' ').map(Number);
          if (inCalls !== 2 * Number(inMarks) || highest !== inMarks) broken.push(seen);
          await bench.sleep(1);
        }
      })();
      for (let id = 1; id <= 100; id++) {
        await bench.sql(
          'site',
          'START TRANSACTION',
          `INSERT INTO ${SCHEMA}.Calls VALUES (42, ${2 * id}, 1)`,
          `INSERT INTO ${SCHEMA}.Marks VALUES (42, ${id})`,
          `INSERT INTO ${SCHEMA}.Calls VALUES (42, ${2 * id + 1}, 1)`,
          'COMMIT',
        );
      }
      await bench.waitUntil('the last', async () => (await bench.rows('cluster', 'Marks')).length === 100);
      watching = false;
      await watched;
      expect(broken).toEqual([]);
    });

    test('stop and resume under writes lose nothing and apply nothing twice', async () => {
      const task = await bench.create();
      await task.run();
      const writer = write(1);
      for (let round = 0; round < 3; round++) {
        await writer.more(10);
        await task.stop();
        expect((await task.until('stopped')).StopReason).toBe('Stop Reason NORMAL');
        await writer.more(5);
        await task.run('resume');
      }
      await writer.end();
      await bench.untilSame();
      expect((await task.describe())?.Status).toBe('running');
    });

    test('a load that was stopped goes on with the tables that were not finished', async () => {
      await bench.sql('site', `INSERT INTO ${SCHEMA}.Calls VALUES ${calls(1, bench.manyRows)}`);
      await bench.sql('site', `INSERT INTO ${SCHEMA}.Marks VALUES (42, 1), (42, 2)`);
      const task = await bench.create();
      await task.start();
      await bench.waitUntil('the load', async () => (await task.table('Calls').catch(() => undefined)) !== undefined, {
        everyMs: 1,
      });
      await bench.waitUntil(
        'it to stop',
        () =>
          task.stop().then(
            () => true,
            () => false,
          ),
        { everyMs: 1 },
      );
      await task.until('stopped');
      await bench.sql('site', `UPDATE ${SCHEMA}.Calls SET Version = 2 WHERE ID % 10 = 0`);
      await task.run('resume');
      await bench.untilSame();
      expect((await bench.rows('cluster')).length).toBe(bench.manyRows);
    });

    test('one that carries changes only begins exactly at its position, back to the site too', async () => {
      await bench.sql('cluster', `INSERT INTO ${SCHEMA}.Calls VALUES (42, 1, 1), (42, 2, 1)`);
      const position = await bench.position('cluster');
      await bench.sql('cluster', `INSERT INTO ${SCHEMA}.Calls VALUES (42, 3, 1), (43, 4, 1)`);
      const task = await bench.create({ from: 'cluster', migrationType: 'cdc' });
      await task.run('start', position);
      await bench.untilRows('site', ['42 3 1']);
      await bench.sql('cluster', `UPDATE ${SCHEMA}.Calls SET Version = 2 WHERE ID = 3`);
      await bench.untilRows('site', ['42 3 2']);
      await bench.sql(
        'cluster',
        `DELETE FROM ${SCHEMA}.Calls WHERE ID = 3`,
        `INSERT INTO ${SCHEMA}.Calls VALUES (42, 5, 1)`,
      );
      await bench.untilRows('site', ['42 5 1']);
    });

    test('one that is resumed puts old images over newer rows', async () => {
      await bench.sql('site', `INSERT INTO ${SCHEMA}.Calls VALUES (42, 1, 1)`);
      const task = await bench.create();
      await task.run();
      await task.stop();
      await task.until('stopped');
      await bench.sql('site', `UPDATE ${SCHEMA}.Calls SET Version = 2`);
      // The target serves now.
      await bench.sql('cluster', `UPDATE ${SCHEMA}.Calls SET Version = 9`);
      await task.run('resume');
      await bench.untilRows('cluster', ['42 1 2']);
    });
  });
}
