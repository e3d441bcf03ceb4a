import { setPriority } from 'node:os';
import type { ControllerProcess } from '../estate/controllerProcess.ts';
import { type Lab, startLab } from '../estate/lab.ts';
import { startWorkload } from '../workload/index.ts';
import { LabApi } from './api.ts';
import { othersRoutes } from './others.ts';
import type { Scenario } from './scenarios/index.ts';
import type { Screen } from './screen.ts';
import type { Stage } from './stage.ts';
import { type Summary, summarise } from './summary.ts';

/** Acknowledged writes per second and org: six orgs make more than 500 a second together. */
const RATE_PER_ORG = 110;
/** Niceness of the clients: on a machine that has too little for all of them, they wait and not the platform. */
const CLIENTS_NICENESS = 5;

/** Plays one scenario from an empty machine to the verdict. Everything that was started has ended when it settles. */
export async function playScenario(scenario: Scenario, screen: Screen, signal: AbortSignal): Promise<Summary> {
  screen.say(`scenario ${scenario.name}: ${scenario.about}`);
  const lab = await startLab({ ...scenario.lab, onProgress: (line) => screen.say(line) });
  try {
    signal.throwIfAborted();
    const controller = await lab.controller('controller-1');
    screen.say(`web page: ${controller.api}/ (token of a viewer: ${lab.tokens.viewer})`);
    return await playOn(lab, controller, scenario, screen, signal);
  } finally {
    screen.stop();
    await lab.stop();
  }
}

async function playOn(
  lab: Lab,
  controller: ControllerProcess,
  scenario: Scenario,
  screen: Screen,
  signal: AbortSignal,
): Promise<Summary> {
  const routesBefore = await othersRoutes(lab);
  setPriority(CLIENTS_NICENESS);
  screen.say(`starting clients of ${lab.orgs.length} orgs at ${lab.proxies.length} proxies`);
  const workload = await startWorkload({
    proxies: lab.proxies,
    orgs: lab.orgs,
    routing: lab.routing,
    ratePerOrg: RATE_PER_ORG,
    writersPerProxy: 3,
    ...scenario.workload,
  });
  try {
    const startedAtMs = Date.now();
    const stage: Stage = {
      lab,
      controller,
      workload,
      api: new LabApi(() => controller.api, lab.tokens),
      seen: new Map(),
      signal,
      say: (line) => screen.say(line),
    };
    screen.follow(stage);
    await scenario.drive(stage);
    const writesPerSecond = (workload.writesAcknowledged * 1_000) / (Date.now() - startedAtMs);
    screen.stop();
    screen.say('the clients end; every acknowledged write is looked for');
    await workload.stop();
    return await summarise(scenario, stage, routesBefore, writesPerSecond);
  } finally {
    await workload.stop();
  }
}
