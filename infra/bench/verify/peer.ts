import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Pair, table } from './pair.ts';

const run = promisify(execFile);
const apt = ['-qq', '--yes', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300'];

/** What Percona's tool takes for the same comparison; a sentence where it cannot be had or does not find them equal. */
export async function ptTableSyncMs(pair: Pair, signal: AbortSignal): Promise<number | string> {
  const missing = await install(signal);
  if (missing !== null) return missing;
  const [site, cluster] = pair.servers.map(
    ({ host, port, user, password }) => `h=${host},P=${port},u=${user},p=${password}`,
  );
  const checks = ['--no-check-master', '--no-check-slave', '--no-check-triggers'];
  const what = `,D=${table.schema},t=${table.table}`;
  const startedAt = performance.now();
  try {
    const { stdout } = await run('pt-table-sync', ['--print', ...checks, `${site}${what}`, cluster ?? ''], { signal });
    if (stdout.trim() !== '') return `pt-table-sync found differences: ${stdout.slice(0, 200)}`;
    return performance.now() - startedAt;
  } catch (error) {
    signal.throwIfAborted();
    return `pt-table-sync failed: ${error instanceof Error ? error.message.slice(0, 300) : error}`;
  }
}

async function install(signal: AbortSignal): Promise<string | null> {
  const there = () =>
    run('pt-table-sync', ['--version'], { signal }).then(
      () => true,
      () => false,
    );
  if (await there()) return null;
  if (process.getuid?.() !== 0)
    return 'pt-table-sync is not installed, and only root can: apt-get install percona-toolkit';
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run('apt-get', ['update', '-qq'], { signal, env });
    await run('apt-get', ['install', ...apt, 'percona-toolkit'], { signal, env });
  } catch (error) {
    signal.throwIfAborted();
    return `percona-toolkit could not be installed: ${error instanceof Error ? error.message.slice(0, 300) : error}`;
  }
  return (await there()) ? null : 'percona-toolkit is installed, and pt-table-sync does not run';
}
