// npm run test:containers [-- FILTER…]: the suites of the databases, of proxies and DMS and the end-to-end tests, against
// servers in containers, once for each image of a cluster. Images are named by the environment:
//   BIGDB_CUTOVER_MARIADB_IMAGE     sites, store and CoreDB
//   BIGDB_CUTOVER_CLUSTER_IMAGE     clusters, several with commas between them
//   BIGDB_CUTOVER_PROXYSQL_IMAGE    proxies; `none`: what the lab would take without containers
// Ends with 0 where all passed, 1 where anything failed, 77 where there is no container engine: nothing has been tested.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { containerEngine } from '../../infra/lab/programs/container.ts';
import { imageVariables } from '../../infra/lab/programs/index.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));

/** What runs unchanged wherever the servers come from. */
const suites = ['test/lab/programs', 'test/conformance', 'test/places', 'test/store', 'test/tls/places', 'test/e2e'];
const skippedCode = 77;

const { env } = process;
const images = {
  mariadb: env[imageVariables.mariadb] || 'mariadb:10.11.14',
  clusters: (env[imageVariables.cluster] || 'mysql:8.0.43,mysql:8.4.6').split(',').map((image) => image.trim()),
  proxysql: env[imageVariables.proxysql] || 'proxysql/proxysql:3.0.12',
};

function say(...lines: readonly string[]): void {
  console.log(lines.map((line) => `test:containers: ${line}\n`).join(''));
}

/** Version of the engine; null where none answers. */
async function engine(): Promise<string | number | null> {
  try {
    const { info } = await containerEngine();
    return info.containerRuntime.serverVersion;
  } catch {
    return null;
  }
}

function runSuites(cluster: string, filters: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [vitest, 'run', ...(filters.length > 0 ? filters : suites)], {
      cwd: project,
      stdio: 'inherit',
      env: {
        ...env,
        [imageVariables.mariadb]: images.mariadb,
        [imageVariables.cluster]: cluster,
        [imageVariables.proxysql]: images.proxysql === 'none' ? '' : images.proxysql,
      },
    });
    child.once('exit', (code) => resolve(code === 0));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal));
  });
}

const version = await engine();
if (version === null) {
  say(
    'SKIPPED, NOTHING HAS BEEN TESTED: no container engine answers.',
    'Start one, or name it in DOCKER_HOST; then run this again. Exit code 77 says that it was skipped.',
  );
  console.log(`0 passed, 0 failed, ${images.clusters.length} skipped`);
  process.exitCode = skippedCode;
} else {
  const results: { cluster: string; passed: boolean }[] = [];
  for (const cluster of images.clusters) {
    say(`engine ${version}; sites ${images.mariadb}, cluster ${cluster}, proxies ${images.proxysql}`);
    results.push({ cluster, passed: await runSuites(cluster, process.argv.slice(2)) });
  }
  say(...results.map(({ cluster, passed }) => `${passed ? 'passed' : 'FAILED'} with ${cluster} as the cluster`));
  const failed = results.filter(({ passed }) => !passed).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
