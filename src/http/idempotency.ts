import { createHash } from 'node:crypto';
import type { onSendAsyncHookHandler, preHandlerAsyncHookHandler } from 'fastify';
import { RequestInvalidError, RequestKeyReusedError, RequestUnansweredError } from '../errors/http.ts';
import type { OperationsService } from '../service/operations.ts';
import { actorOf } from './auth.ts';
import { hookPosts } from './posts.ts';
import type { App } from './types.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Key under which the answer is kept; null where none was given, or where it is the kept answer itself. */
    answerKey: string | null;
  }
}

const keyPattern = /^[\x21-\x7e]{1,255}$/;
const keptHeaders = ['content-type', 'etag', 'location'] as const;

/**
 * A POST with `idempotency-key` is carried out once: sent again within a day by the same token, it gets the same answer.
 * What failed in a way that may pass (5xx) is forgotten, so that it can be tried again.
 */
export function keepAnswers(scope: App, operations: OperationsService): void {
  scope.decorateRequest('answerKey', null);
  const preHandler: preHandlerAsyncHookHandler = async (request, reply) => {
    const key = request.headers['idempotency-key'];
    if (key === undefined) return;
    if (typeof key !== 'string' || !keyPattern.test(key)) {
      throw new RequestInvalidError([
        { path: 'headers.idempotency-key', message: 'must be 1 to 255 visible ASCII characters' },
      ]);
    }
    const fingerprint = createHash('sha256')
      .update(JSON.stringify([request.method, request.url, request.body ?? null]))
      .digest('hex');
    const begun = await operations.beginRequest(actorOf(request).name, key, fingerprint);
    switch (begun.found) {
      case 'nothing':
        request.answerKey = key;
        return;
      case 'other':
        throw new RequestKeyReusedError(key);
      case 'unanswered':
        throw new RequestUnansweredError(key);
      case 'answer':
        reply.code(begun.answer.status).headers(begun.answer.headers).header('idempotency-replayed', 'true');
        // Behind the serializer: the text is what was sent before.
        return reply.serializer((text) => String(text)).send(begun.answer.body);
    }
  };
  const onSend: onSendAsyncHookHandler<unknown> = async (request, reply, payload) => {
    const { answerKey } = request;
    if (answerKey === null) return;
    request.answerKey = null;
    const actor = actorOf(request).name;
    try {
      if (reply.statusCode >= 500 || typeof payload !== 'string') {
        await operations.forgetRequest(actor, answerKey);
        return;
      }
      const headers = Object.fromEntries(
        keptHeaders.flatMap((name) => {
          const value = reply.getHeader(name);
          return value === undefined ? [] : [[name, String(value)]];
        }),
      );
      await operations.keepAnswer(actor, answerKey, { status: reply.statusCode, headers, body: payload });
    } catch (error) {
      request.log.error({ err: error }, 'an answer was not kept: sent again, the request is carried out again');
    }
  };
  hookPosts(scope, { preHandler, onSend });
}
