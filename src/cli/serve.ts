import { type Logger, pino } from 'pino';
import packageJson from '../../package.json' with { type: 'json' };
import { type Config, loadConfig } from '../config/index.ts';
import { messageOf } from '../errors/base.ts';
import { ConfigInvalidError } from '../errors/config.ts';
import { armFailpoints, failpointVariable } from '../failpoints/arm.ts';
import { buildApp } from '../http/app.ts';
import type { MetricsText } from '../http/metrics.ts';
import type { FleetService } from '../service/fleetStatus.ts';
import type { OperationsService } from '../service/operations.ts';
import type { OrgService } from '../service/orgs.ts';
import type { PlanService } from '../service/plans.ts';
import type { PurgeService } from '../service/purgeAnswer.ts';
import type { RoutingService } from '../service/routing.ts';
import type { MigrationService } from '../service/status.ts';
import type { WaveService } from '../service/waves.ts';
import type { WebhookService } from '../service/webhooks.ts';
import { type ExitCode, exitCodes } from './exitCodes.ts';

/** A controller at work, without a way in yet. */
export interface RunningController {
  readonly service: MigrationService;
  readonly operations: OperationsService;
  readonly fleet: FleetService;
  readonly routing: RoutingService;
  readonly orgs: OrgService;
  readonly plans: PlanService;
  readonly waves: WaveService;
  readonly purges: PurgeService;
  readonly webhooks: WebhookService;
  readonly metrics: MetricsText;
  stop(): Promise<void>;
}
export type StartController = (config: Config, logger: Logger) => Promise<RunningController>;

/** What the process was asked to end by. */
const signals = ['SIGTERM', 'SIGINT'] as const;

/**
 * Runs the controller until a signal. The order at the end: no more requests, then no more work, so that nobody is
 * answered by a controller that has let go. Throws `ConfigInvalidError` before anything is loaded or started.
 */
export async function serve(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
  load: () => Promise<{ startController: StartController }>,
): Promise<ExitCode> {
  const config = loadConfig(path, env);
  armWhereAllowed(path, config, env);
  const logger = createLogger(config);
  const asked = untilSignal();
  let controller: RunningController | undefined;
  try {
    const { startController } = await load();
    controller = await startController(config, logger);
    const app = buildApp({
      service: controller.service,
      operations: controller.operations,
      fleet: controller.fleet,
      routing: controller.routing,
      orgs: controller.orgs,
      plans: controller.plans,
      waves: controller.waves,
      purges: controller.purges,
      webhooks: controller.webhooks,
      metrics: controller.metrics,
      tokens: config.tokens,
      rateLimit: config.controller.http.rateLimit,
      ...(config.jwt === undefined ? {} : { jwt: config.jwt }),
      trustProxy: config.controller.http.trustProxy,
      tls: config.controller.http.tls,
      version: packageJson.version,
      logger: logger.child({ part: 'http' }),
    });
    try {
      const address = await app.listen({ host: config.controller.http.host, port: config.controller.http.port });
      logger.info({ address, version: packageJson.version }, 'listening');
      const signal = await asked.signal;
      logger.info({ signal }, 'stopping');
    } finally {
      await app.close();
    }
    await controller.stop();
    controller = undefined;
    logger.info('stopped');
    return exitCodes.ok;
  } catch (error) {
    logger.fatal({ err: error }, 'the controller ends');
    return exitCodes.failed;
  } finally {
    await controller?.stop().catch((error: unknown) => logger.error({ err: error }, 'stopping failed'));
    asked.dispose();
  }
}

/** A variable that ends the controller at a point does so only where the configuration has asked for it as well. */
function armWhereAllowed(
  path: string,
  { controller }: Config,
  env: Readonly<Record<string, string | undefined>>,
): void {
  const text = env[failpointVariable];
  if (text === undefined) return;
  const refuse = (cause: string, remedy: string) => {
    throw new ConfigInvalidError(path, [{ path: 'controller.failpoints', position: null, cause, remedy }]);
  };
  if (!controller.failpoints) {
    refuse(`${failpointVariable} is set, and this controller takes no failpoints`, 'Unset the variable.');
  }
  try {
    armFailpoints(text);
  } catch (error) {
    refuse(`${failpointVariable} cannot be used: ${messageOf(error)}`, 'Mend or unset the variable.');
  }
}

/** JSON lines on stdout. What could carry a secret is cut out wherever it may stand in a line. */
export function createLogger(config: Pick<Config, 'controller'>): Logger {
  return pino({
    level: config.controller.logLevel,
    base: { controller: config.controller.name },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: ['authorization', 'password', 'token', 'adminPassword'].flatMap((key) => [key, `*.${key}`, `*.*.${key}`]),
      censor: '[secret]',
    },
  });
}

/** Resolves at the first signal; a second one ends the process as it would have without us. */
function untilSignal(): { signal: Promise<NodeJS.Signals>; dispose(): void } {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  const heard = (signal: NodeJS.Signals) => {
    dispose();
    resolve(signal);
  };
  const dispose = () => {
    for (const signal of signals) process.off(signal, heard);
  };
  for (const signal of signals) process.on(signal, heard);
  return { signal: promise, dispose };
}
