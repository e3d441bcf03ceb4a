import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { JwtConfig } from '../config/identity.ts';
import type { ServerCertificate } from '../config/values.ts';
import { RequestMalformedError } from '../errors/http.ts';
import type { FleetService } from '../service/fleetStatus.ts';
import type { OperationsService } from '../service/operations.ts';
import type { OrgService } from '../service/orgs.ts';
import type { PlanService } from '../service/plans.ts';
import type { PurgeService } from '../service/purgeAnswer.ts';
import type { RoutingService } from '../service/routing.ts';
import type { MigrationService } from '../service/status.ts';
import type { WaveService } from '../service/waves.ts';
import type { WebhookService } from '../service/webhooks.ts';
import { auditCommands } from './audit.ts';
import { requireTokens } from './auth.ts';
import { commandRoutes } from './commands.ts';
import { type StreamSettings, streamDefaults } from './eventStream.ts';
import { eventRoutes } from './events.ts';
import { fleetRoutes } from './fleet.ts';
import { healthRoutes } from './health.ts';
import { keepAnswers } from './idempotency.ts';
import { jwtReader } from './jwt.ts';
import { liveRoutes } from './live/routes.ts';
import { type LiveSettings, liveDefaults } from './live/streams.ts';
import { meRoute } from './me.ts';
import { watchMethods } from './methods.ts';
import { type MetricsText, metricsRoute } from './metrics.ts';
import { migrationRoutes } from './migrations.ts';
import { mismatchRoutes } from './mismatches.ts';
import { watchRoutes } from './openapi.ts';
import { operationRoutes } from './operations.ts';
import { orgRoutes } from './orgs.ts';
import { pageRoutes } from './page.ts';
import { planRoutes } from './plans.ts';
import { handleProblems, problemText, sendProblem } from './problems.ts';
import { purgeRoutes } from './purges.ts';
import { limitRates, type RateLimit, rateLimitDefault } from './rateLimit.ts';
import { routingRoutes } from './routing.ts';
import type { TokenEntry } from './tokens.ts';
import type { App } from './types.ts';
import { waveRoutes } from './waves.ts';
import { webhookRoutes } from './webhooks.ts';

/** What the HTTP side is built from. It reads neither environment nor configuration, and does not listen. */
export interface AppParts {
  readonly service: MigrationService;
  readonly operations: OperationsService;
  readonly fleet: FleetService;
  readonly routing: RoutingService;
  readonly orgs: OrgService;
  readonly plans: PlanService;
  readonly waves: WaveService;
  readonly purges: PurgeService;
  readonly webhooks: WebhookService;
  /** Without it there is no /metrics. */
  readonly metrics?: MetricsText;
  readonly tokens: readonly TokenEntry[];
  /** JSON Web Tokens that are taken beside them. */
  readonly jwt?: JwtConfig;
  readonly version: string;
  readonly logger?: FastifyBaseLogger;
  readonly streams?: Partial<StreamSettings>;
  readonly live?: Partial<LiveSettings>;
  readonly rateLimit?: RateLimit;
  /** Addresses and networks of load balancers whose x-forwarded-for is believed. */
  readonly trustProxy?: readonly string[];
  /** Without it the API is not encrypted. */
  readonly tls?: ServerCertificate | undefined;
}

const bodyLimitBytes = 64 * 1024;
/** A request has to have arrived whole by then. */
const requestTimeoutMs = 30_000;

/** The HTTP API and the page on it. Nothing but health and the page's own files, which hold nothing, is served without a token. */
export function buildApp(parts: AppParts): App {
  const { service, fleet, operations, routing, orgs, plans, waves, metrics } = parts;
  const { tokens, purges, webhooks, jwt, version, logger, streams, live } = parts;
  const { rateLimit = rateLimitDefault, trustProxy = [], tls } = parts;
  const app: App = Fastify({
    ...(logger ? { loggerInstance: logger } : { logger: false }),
    logController: new LogController({ disableRequestLogging: true }),
    ...(trustProxy.length > 0 && { trustProxy: [...trustProxy] }),
    ...(tls !== undefined && { https: { ...tls, minVersion: 'TLSv1.2' as const } }),
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    genReqId: ({ headers: { 'x-request-id': given } }) =>
      typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID(),
    frameworkErrors: (error, request, reply) => {
      sendProblem(error, request, reply);
    },
    clientErrorHandler: refuseUnreadable,
  }).withTypeProvider<ZodTypeProvider>();

  // Else a body of text would be taken, and be blamed for its fields.
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.decorateRequest('actor', null);
  app.decorateRequest('problemCode', null);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const level = request.method === 'GET' || request.method === 'HEAD' ? 'debug' : 'info';
    const { statusCode: status, elapsedTime: ms } = reply;
    // Without its query: somebody may have put a token there.
    const [path] = request.url.split('?', 1);
    request.log[level]({ method: request.method, url: path, status, ms, by: request.actor?.name }, 'request');
    done();
  });
  handleProblems(app);

  const describeRoutes = watchRoutes(app);
  healthRoutes(app, service, version);
  pageRoutes(app);
  app.register(async (scope: App) => {
    const refuseOtherMethods = watchMethods(scope);
    requireTokens(scope, tokens, jwt === undefined ? null : jwtReader(jwt));
    await limitRates(scope, rateLimit);
    keepAnswers(scope, operations);
    auditCommands(scope, operations);
    migrationRoutes(scope, service);
    mismatchRoutes(scope, service);
    commandRoutes(scope, service);
    operationRoutes(scope, operations);
    fleetRoutes(scope, fleet);
    routingRoutes(scope, routing);
    orgRoutes(scope, orgs);
    planRoutes(scope, plans);
    waveRoutes(scope, waves);
    purgeRoutes(scope, purges);
    webhookRoutes(scope, webhooks);
    if (metrics !== undefined) metricsRoute(scope, metrics);
    eventRoutes(scope, service, { ...streamDefaults, ...streams });
    liveRoutes(scope, { service, operations, fleet, waves, version }, { ...liveDefaults, ...live });
    meRoute(scope);
    describeRoutes(scope, version);
    refuseOtherMethods();
  });
  return app;
}

/** What is not HTTP reaches no route and no handler. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemText(new RequestMalformedError('this is not a readable HTTP request'), 400, randomUUID());
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/problem+json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(problem)}\r\n\r\n${problem}`,
  );
}
