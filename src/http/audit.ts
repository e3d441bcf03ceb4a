import type { onSendAsyncHookHandler, preHandlerAsyncHookHandler } from 'fastify';
import type { OperationsService } from '../service/operations.ts';
import { actorOf } from './auth.ts';
import { hookPosts } from './posts.ts';
import type { App } from './types.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Number of the request in the audit log; null for one that changes nothing. */
    auditSeq: number | null;
    /** Code of the problem that it is answered with. */
    problemCode: string | null;
  }
}

/**
 * Every command goes into the audit log before it is carried out, and its answer behind it: a command that cannot be
 * recorded is not carried out. So do the few questions whose answers show customers' data.
 */
export function auditCommands(scope: App, operations: OperationsService): void {
  scope.decorateRequest('auditSeq', null);
  const preHandler: preHandlerAsyncHookHandler = async (request) => {
    const { reads, recorded } = request.routeOptions.config;
    const isCommand = request.method === 'POST' && reads !== true;
    if (!isCommand && recorded?.(request.query) !== true) return;
    const { name, role, from } = actorOf(request);
    request.auditSeq = await operations.auditCommand(
      {
        actor: name,
        role,
        from,
        action: `${request.method} ${request.routeOptions.url ?? request.url}`,
        target: Object.values((request.params ?? {}) as Record<string, string>).join(' '),
        input: (isCommand ? request.body : request.query) ?? null,
        requestId: request.id,
      },
      operations.nowMs(),
    );
  };
  const onSend: onSendAsyncHookHandler<unknown> = async (request, reply) => {
    const { auditSeq } = request;
    if (auditSeq === null) return;
    request.auditSeq = null;
    const outcome = { status: reply.statusCode, code: request.problemCode };
    try {
      await operations.auditOutcome(auditSeq, outcome, operations.nowMs());
    } catch (error) {
      // It was carried out, and its asker has to hear so; the log says what the audit log cannot.
      request.log.error({ err: error, auditSeq, ...outcome }, 'the answer to a command is missing in the audit log');
    }
  };
  hookPosts(scope, { preHandler, onSend }, (route) => route.config?.recorded !== undefined);
}
