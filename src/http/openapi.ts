import type { RouteOptions } from 'fastify';
import { z } from 'zod';
import { fleetStatusSchema, proxyStatusSchema } from '../service/fleetStatus.ts';
import { mismatchesSchema } from '../service/mismatches.ts';
import { auditEntrySchema, evacuationSchema, freezeSchema } from '../service/operations.ts';
import { orgSchema, preflightSchema } from '../service/orgs.ts';
import { planSchema } from '../service/plans.ts';
import { routingSchema } from '../service/routing.ts';
import { migrationStatusSchema, timelineEventSchema } from '../service/status.ts';
import { overviewRowSchema, overviewSchema } from './live/overview.ts';
import { meSchema } from './me.ts';
import {
  auditPage,
  commandBody,
  createBody,
  eventPage,
  health,
  lagHistory,
  migrationPage,
  preflightBody,
  problemSchema,
  readiness,
  reasonBody,
  rollbackBody,
} from './schemas.ts';
import type { App } from './types.ts';

/** Schemas that /openapi.json gives a name; all others stand where they are used. */
const answers = {
  Migration: migrationStatusSchema,
  MigrationPage: migrationPage,
  TimelineEvent: timelineEventSchema,
  EventPage: eventPage,
  Mismatches: mismatchesSchema,
  Freeze: freezeSchema,
  Evacuation: evacuationSchema,
  AuditEntry: auditEntrySchema,
  AuditPage: auditPage,
  Fleet: fleetStatusSchema,
  Proxy: proxyStatusSchema,
  Routing: routingSchema,
  Org: orgSchema,
  Preflight: preflightSchema,
  Plan: planSchema,
  Me: meSchema,
  Overview: overviewSchema,
  OverviewRow: overviewRowSchema,
  LagHistory: lagHistory,
  Health: health,
  Readiness: readiness,
  Problem: problemSchema,
};
const requests = {
  CreateMigration: createBody,
  Command: commandBody,
  Rollback: rollbackBody,
  Reason: reasonBody,
  AskPreflight: preflightBody,
};

type Json = Record<string, unknown>;
const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** Watches the routes of the app. The function it gives serves their description at /openapi.json. */
export function watchRoutes(app: App): (scope: App, version: string) => void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    if (route.schema?.summary !== undefined && !String(route.method).includes('HEAD')) routes.push(route);
  });

  return (scope, version) => {
    let text: string | undefined;
    scope.get('/openapi.json', { config: { role: 'viewer' } }, async (_request, reply) => {
      text ??= JSON.stringify(describe(routes, version));
      return reply.type('application/json; charset=utf-8').send(text);
    });
  };
}

function describe(routes: readonly RouteOptions[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.url.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [String(route.method).toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'BigDB cutover', version },
    paths,
    components: {
      schemas: { ...named(answers, 'output'), ...named(requests, 'input') },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operation(route: RouteOptions): Json {
  const schema = route.schema ?? {};
  const role = route.config?.role;
  const responses = Object.entries((schema.response ?? {}) as Record<string, unknown>).map(([status, answer]) => {
    const content: Json =
      schema.answersIn === undefined
        ? { 'application/json': { schema: shown(answer, answers, 'output') } }
        : { [schema.answersIn]: { schema: { type: 'string' } } };
    for (const type of schema.alsoProduces ?? []) content[type] = { schema: { type: 'string' } };
    return [status, { description: schema.summary, content }];
  });
  return {
    summary: schema.summary,
    ...(role && { description: `Needs the role ${role}.`, 'x-role': role, security: [{ token: [] }] }),
    parameters: [...parameters(schema.params, 'path'), ...parameters(schema.querystring, 'query'), ...keyOf(route)],
    ...(schema.body instanceof z.ZodType && {
      requestBody: {
        required: !schema.body.safeParse(undefined).success,
        content: { 'application/json': { schema: shown(schema.body, requests, 'input') } },
      },
    }),
    responses: {
      ...Object.fromEntries(responses),
      default: {
        description: 'A problem (RFC 9457)',
        content: { 'application/problem+json': { schema: reference('Problem') } },
      },
    },
  };
}

/** Every POST takes a key under which its answer is kept. */
function keyOf(route: RouteOptions): Json[] {
  if (String(route.method) !== 'POST') return [];
  return [
    {
      name: 'idempotency-key',
      in: 'header',
      required: false,
      description:
        'Sent again with the same key within a day, the request gets the answer it had, and nothing more is done',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    },
  ];
}

function parameters(schema: unknown, where: 'path' | 'query'): Json[] {
  if (!(schema instanceof z.ZodObject)) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: required.includes(name),
    schema: property,
  }));
}

/** A schema by its name, or, where it has none, as it is. */
function shown(schema: unknown, names: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output'): Json {
  const name = nameOf(schema, names);
  if (name !== undefined) return reference(name);
  if (!(schema instanceof z.ZodType)) throw new TypeError('a route is described by something that is no schema');
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

function nameOf(schema: unknown, names: Readonly<Record<string, z.ZodType>>): string | undefined {
  return Object.entries(names).find(([, each]) => each === schema)?.[0];
}

function named(schemas: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output'): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const found = z.toJSONSchema(registry, { io, uri: (id) => `#/components/schemas/${id}` }).schemas;
  // OpenAPI addresses them by their place in the document.
  return Object.fromEntries(Object.entries(found).map(([id, { $id: _id, $schema: _schema, ...rest }]) => [id, rest]));
}
