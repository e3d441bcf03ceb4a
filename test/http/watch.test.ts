import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { listText } from '../../src/cli/text.ts';
import type { App } from '../../src/http/types.ts';
import { type FakeService, fakeApp, statusOf } from './fakeService.ts';

const apps: App[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

/** An API over the service at this port; 0 takes any. */
async function listen(
  service: FakeService | null,
  port: number,
): Promise<{ service: FakeService; port: number; app: App }> {
  const own = fakeApp(service === null ? {} : { service });
  apps.push(own.app);
  await own.app.listen({ host: '127.0.0.1', port });
  const address = own.app.addresses()[0] as AddressInfo;
  return { service: service ?? own.service, port: address.port, app: own.app };
}

function cli(line: string, port: number, size?: { columns: number; rows: number }) {
  const written = { out: '', err: '' };
  const stop = new AbortController();
  const code = run(
    line.split(' '),
    { BIGDB_CUTOVER_API: `http://127.0.0.1:${port}`, BIGDB_CUTOVER_TOKEN: 'token-of-viewer' },
    {
      out: (text) => {
        written.out += text;
      },
      err: (text) => {
        written.err += text;
      },
      screen: size !== undefined,
      ...(size && { size: () => size }),
    },
    stop.signal,
  );
  return { written, code, stop };
}

/** What stands on the screen after the last time that it was painted. */
const lastScreen = (out: string) =>
  (out.split('\x1b[H').at(-1) ?? '').replace('\x1b[J', '').replaceAll('\x1b[K', '').trimEnd().split('\n');

const loading = {
  state: 'replicating.fullLoad',
  progress: {
    percent: 50,
    etaMs: 12_000,
    tables: [{ table: 'CallLogs', state: 'Full load', rowsExpected: 200, rowsLoaded: 100 }],
  },
};

describe('watch', () => {
  it('outlives an API that goes away, says so once, and goes on when it is back', async () => {
    const first = await listen(null, 0);
    first.service.migrations.set('m1', statusOf('m1', 42));
    const { written, code } = cli('watch 42 --interval-ms 50', first.port);
    await expect.poll(() => written.out).toContain('planned');
    await first.app.close();
    await expect.poll(() => written.err).toContain('does not answer');
    first.service.migrations.set('m1', statusOf('m1', 42, { state: 'soaking' }));
    await listen(first.service, first.port);
    await expect.poll(() => written.out, { timeout: 10_000 }).toContain('soaking');
    expect(written.err.match(/does not answer/g)).toHaveLength(1);
    expect(written.err).toContain('answers again');
    first.service.migrations.set('m1', statusOf('m1', 42, { state: 'completed', outcome: 'completed' }));
    expect(await code).toBe(0);
  });

  it('ends at once where nobody has answered yet, and where the answer is no', async () => {
    const { port, app } = await listen(null, 0);
    expect(await cli('watch 42', port).code).toBe(4);
    await app.close();
    expect(await cli('watch 42', port).code).toBe(5);
  });

  it('paints bars and lag, those who need somebody first, within the screen', async () => {
    const { service, port } = await listen(null, 0);
    service.migrations.set('m1', statusOf('m1', 7, { state: 'completed', outcome: 'completed' }));
    service.migrations.set('m2', statusOf('m2', 42, loading));
    service.migrations.set('m3', statusOf('m3', 58, { state: 'needsOperator', waitsFor: 'x'.repeat(200) }));
    service.migrations.set('m4', statusOf('m4', 60, { state: 'flipping.hold', serving: 'held' }));
    const watching = cli('watch --interval-ms 50', port, { columns: 90, rows: 5 });
    await expect.poll(() => watching.written.out).toContain('flipping.hold');
    const lines = lastScreen(watching.written.out);
    expect(lines.map((line) => line.trim().split(/\s+/)[0])).toEqual(['60', '58', '42', '…']);
    expect(lines.every((line) => line.length <= 90)).toBe(true);
    expect(lines[2]).toContain('██████████░░░░░░░░░░   50 %');
    watching.stop.abort();
    expect(await watching.code).toBe(0);
  });

  it('paints a bar for each table of one migration, and keeps it while nobody answers', async () => {
    const { service, port, app } = await listen(null, 0);
    service.migrations.set('m2', statusOf('m2', 42, loading));
    const watching = cli('watch 42 --interval-ms 50', port, { columns: 100, rows: 40 });
    await expect.poll(() => watching.written.out).toMatch(/CallLogs +█{10}░{10} 100 of 200 rows/);
    expect(lastScreen(watching.written.out)[0]).toContain('about 12 s to go');
    await app.close();
    await expect.poll(() => lastScreen(watching.written.out)[0]).toMatch(/^no answer since/);
    expect(lastScreen(watching.written.out).join('\n')).toContain('100 of 200 rows');
    watching.stop.abort();
    expect(await watching.code).toBe(0);
  });
});

describe('the table of all', () => {
  it.each([40, 60, 80, 120])('fits a screen of %i columns, and is whole elsewhere', (columns) => {
    const all = [
      statusOf('m-0mwsa9tdn-4ceaf034', 42, { waitsFor: 'heartbeats of every site to arrive at the cluster' }),
    ];
    const fitted = listText(all, columns).trimEnd().split('\n');
    expect(fitted.every((line) => line.length <= columns)).toBe(true);
    expect(fitted[1]).toContain('planned');
    expect(listText(all)).toContain('arrive at the cluster');
    expect(fitted[0]?.includes('ID')).toBe(columns >= 120);
  });
});
