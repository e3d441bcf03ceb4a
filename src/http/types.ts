import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Role } from '../config/identity.ts';
import type { Actor } from '../service/status.ts';

/** Fastify with requests and replies typed by their zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set by the token check before any route runs. */
    actor: Actor | null;
  }
  interface FastifyContextConfig {
    /** The lowest role that may use the route; a route that names none is for admins. */
    role?: Role;
    /** A POST that changes nothing, and so is no command. */
    reads?: boolean;
    /** By its query, a GET that shows so much that it goes into the audit log too. */
    recorded?: (query: unknown) => boolean;
  }
  interface FastifySchema {
    /** One line for /openapi.json. A route without it is not described there. */
    summary?: string;
    /** Media type of the answer, where that is not JSON. */
    answersIn?: string;
    /** Media types of the answer beside JSON. */
    alsoProduces?: readonly string[];
  }
}
