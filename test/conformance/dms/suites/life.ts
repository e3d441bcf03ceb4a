import { beforeEach, describe, expect, test } from 'vitest';
import { fault, faultName } from '../faults.ts';
import { calls, SCHEMA, type TaskBench } from './bench.ts';

/** The status that an answer to a change shows. */
const statusOf = (reply: unknown) => (reply as { ReplicationTask: { Status: string } }).ReplicationTask.Status;

/** How a task comes to be, runs, rests and goes, and what is refused meanwhile. */
export function lifeSuite(given: () => TaskBench): void {
  describe('life of a task', () => {
    let bench: TaskBench;
    beforeEach(() => {
      bench = given();
    });

    test('the states follow each other, and every operation in a wrong state is refused', async () => {
      const task = await bench.create();
      expect(await faultName(task.stop())).toBe('InvalidResourceStateFault');
      expect(await faultName(task.resume())).toBe('InvalidParameterCombinationException');
      expect(statusOf(await task.start())).toBe('starting');
      for (const wrong of [() => task.start(), () => task.resume(), () => task.delete()]) {
        expect(await faultName(wrong())).toBe('InvalidResourceStateFault');
      }
      await task.until('running');
      for (const wrong of [() => task.start(), () => task.resume(), () => task.delete()]) {
        expect(await faultName(wrong())).toBe('InvalidResourceStateFault');
      }
      await task.loaded();
      expect(statusOf(await task.stop())).toBe('stopping');
      expect(await fault(task.stop())).toMatchObject({
        name: 'InvalidResourceStateFault',
        message: expect.stringMatching(/is currently not running/),
      });
      expect((await task.until('stopped')).StopReason).toBe('Stop Reason NORMAL');
      expect(await faultName(task.start())).toBe('InvalidParameterCombinationException');
      await task.run('resume');
      await task.stop();
      await task.until('stopped');
      expect(statusOf(await task.delete())).toBe('deleting');
      // It may be gone by now.
      for (const wrong of [() => task.resume(), () => task.delete(), () => task.stop()]) {
        expect(['InvalidResourceStateFault', 'ResourceNotFoundFault']).toContain(await faultName(wrong()));
      }
      await task.untilGone();
      expect(await faultName(task.stop())).toBe('ResourceNotFoundFault');
      expect(await faultName(task.delete())).toBe('ResourceNotFoundFault');
    });

    test('an id is given once, and only to endpoints of the right side', async () => {
      const request = await bench.request();
      const create = (change: object) => bench.api.createTask({ ...request, ...change }, bench.signal);
      const { sourceEndpointArn, targetEndpointArn } = request;
      expect(await faultName(create({ sourceEndpointArn: targetEndpointArn }))).toBe('InvalidParameterValueException');
      expect(await faultName(create({ targetEndpointArn: sourceEndpointArn }))).toBe('InvalidParameterValueException');
      expect(await faultName(create({ sourceEndpointArn: `${sourceEndpointArn}X` }))).toBe('ResourceNotFoundFault');
      const task = await bench.create();
      expect(await faultName(create({ taskId: task.id }))).toBe('ResourceAlreadyExistsFault');
    });

    test('one that only carries changes may be started again, at a position that can be read', async () => {
      const task = await bench.create({ migrationType: 'cdc' });
      expect(await faultName(task.start('somewhere'))).toBe('InvalidParameterValueException');
      await task.run();
      await task.stop();
      await task.until('stopped');
      await task.run();
    });

    test('connections must have been tested with success first, and not twice at once', async () => {
      const endpointArn = await bench.untestedEndpoint();
      const task = await bench.create({ sourceEndpointArn: endpointArn });
      expect(await faultName(task.start())).toBe('InvalidResourceStateFault');
      const connection = { instanceArn: bench.instanceArn, endpointArn };
      const twice = [1, 2].map(() => bench.api.testConnection(connection, bench.signal));
      const refused = (await Promise.allSettled(twice)).filter(({ status }) => status === 'rejected');
      expect(refused).toMatchObject([
        {
          reason: {
            name: 'InvalidResourceStateFault',
            message: expect.stringMatching(/already being tested/),
          },
        },
      ]);
      const successful = async () => (await bench.connectionStatus(endpointArn)) === 'successful';
      await bench.waitUntil('the test', successful);
      await task.run();
      expect(await bench.test(await bench.brokenEndpoint())).toBe('failed');
    });

    test('tells what it has loaded, table by table', async () => {
      await bench.sql('site', `INSERT INTO ${SCHEMA}.Calls VALUES ${calls(1, 5)}, ${calls(1, 3, 43)}`);
      const task = await bench.create();
      await task.run();
      expect(await task.table('Calls')).toMatchObject({ TableState: 'Table completed', FullLoadRows: 5 });
      expect(await task.table('Marks')).toMatchObject({ TableState: 'Table completed', FullLoadRows: 0 });
      const told = await bench.waitUntil('its figures', async () => {
        const stats = (await task.describe())?.ReplicationTaskStats;
        return stats?.FullLoadProgressPercent === 100 ? stats : undefined;
      });
      expect(told.TablesLoaded).toBe(2);
    });
  });
}
