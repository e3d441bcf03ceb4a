import { parseArgs } from 'node:util';
import { playScenario } from './demo/run.ts';
import { scenarios } from './demo/scenarios/index.ts';
import { openScreen } from './demo/screen.ts';
import type { Summary } from './demo/summary.ts';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      scenario: { type: 'string', default: scenarios[0].name },
    },
  });
  if (values.help) {
    console.log('npm run demo -- [--scenario NAME] [--json]\n');
    for (const { name, about } of scenarios) console.log(`  ${name.padEnd(18)}${about}`);
    return 0;
  }
  const scenario = scenarios.find(({ name }) => name === values.scenario);
  if (scenario === undefined) {
    console.error(`there is no scenario ${values.scenario}; there are ${scenarios.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
  }
  const screen = openScreen(process.stderr.isTTY === true && !values.json);
  try {
    const summary = await playScenario(scenario, screen, interrupted.signal);
    for (const failure of summary.failures) console.error(`not as it should be: ${failure}`);
    if (!values.json) print(summary);
    if (values.json) console.log(JSON.stringify(summary));
    return summary.failures.length === 0 ? 0 : 1;
  } catch (error) {
    if (interrupted.signal.aborted) return 130;
    console.error(error instanceof Error ? (error.stack ?? error.message) : error);
    return 1;
  }
}

function print(summary: Summary): void {
  console.log(`\nProxySQL ${summary.proxysql}, cluster ${summary.cluster}`);
  for (const org of summary.orgs) {
    console.log(
      `org ${String(org.orgId).padStart(4)}  ${org.state}, ${org.attempts} attempt(s); the longest that a client waited: ${org.writePauseMs} ms for a write, ${org.readPauseMs} ms for a read`,
    );
  }
  console.log(
    `${summary.writesAcknowledged} writes acknowledged (${summary.writesPerSecond}/s), ${summary.writesStored} stored, ${summary.lost} lost, ${summary.duplicated} twice, ${summary.wrongSideWrites} on the wrong side, ${summary.clientErrors} client errors, ${summary.otherOrgsDisturbed} other orgs disturbed`,
  );
  console.log(`${summary.verifiedRows} rows compared, ${summary.mismatches} differ`);
}

process.exitCode = await main();
