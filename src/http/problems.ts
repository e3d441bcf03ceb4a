import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { CutoverError } from '../errors/base.ts';
import {
  BodyTooLargeError,
  EndpointUnknownError,
  InternalFaultError,
  MediaTypeUnsupportedError,
  type RequestFault,
  RequestInvalidError,
  RequestMalformedError,
} from '../errors/http.ts';
import { statusOfError } from '../errors/httpStatus.ts';
import type { Problem } from './schemas.ts';
import type { App } from './types.ts';

const retryAfterSeconds = 2;

/** One error handler for everything: every failure leaves as an RFC 9457 problem with a stable code and a remedy. */
export function handleProblems(app: App): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => sendProblem(error, request, reply));
  app.setNotFoundHandler((request) => {
    throw new EndpointUnknownError(request.method, pathOf(request.url));
  });
}

/** Answers with the problem, and logs what a problem must not tell. */
export function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = known(thrown);
  const status = statusOfError(error, request.method);
  request.problemCode = error.code;
  if (status === 500) request.log.error({ err: thrown, code: error.code }, 'request failed');
  else if (status > 500) request.log.warn({ err: thrown, code: error.code }, 'request failed');
  if (status === 401) {
    reply.header(
      'www-authenticate',
      `Bearer realm="bigdb-cutover"${error.code === 'TOKEN_REFUSED' ? ', error="invalid_token"' : ''}`,
    );
  }
  if (status === 503) reply.header('retry-after', retryAfterSeconds);
  if (status === 405 && Array.isArray(error.details.allowed)) reply.header('allow', error.details.allowed.join(', '));
  return (
    reply
      .code(status)
      .type('application/problem+json; charset=utf-8')
      .header('cache-control', 'no-store')
      // What Fastify refuses by itself has passed no hook.
      .header('x-request-id', request.id)
      .send(problemText(error, status, request.id))
  );
}

/** The problem's JSON. A bigint in the details becomes a string: no failure may fail to be told. */
export function problemText(error: CutoverError, status: number, requestId: string): string {
  const problem: Problem = {
    type: `urn:bigdb-cutover:problem:${error.code}`,
    title: titleOf(error.code),
    status,
    detail: error.message,
    code: error.code,
    remedy: error.remedy,
    requestId,
    details: error.details,
  };
  if (Array.isArray(error.details.allowed)) problem.allowed = error.details.allowed.map(String);
  return JSON.stringify(problem, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

function known(thrown: unknown): CutoverError {
  if (thrown instanceof CutoverError) return thrown;
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    return new RequestInvalidError(thrown.validation.flatMap((fault) => faultsOf(thrown.validationContext, fault)));
  }
  const { code, statusCode, message } = thrown as Partial<FastifyError>;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new BodyTooLargeError('the body is too large', { cause: thrown });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new MediaTypeUnsupportedError('the body is not application/json', { cause: thrown });
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new RequestMalformedError('the body is not valid JSON', { cause: thrown });
    default:
      if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
        return new RequestMalformedError(message ?? 'the request cannot be read', { cause: thrown });
      }
      return new InternalFaultError(thrown);
  }
}

function faultsOf(
  context: string | undefined,
  fault: { instancePath: string; message?: string; params: Record<string, unknown> },
): RequestFault[] {
  const part = context === 'querystring' ? 'query' : (context ?? 'request');
  const path = [part, ...fault.instancePath.split('/').filter((step) => step !== '')].join('.');
  const keys = fault.params.keys;
  if (Array.isArray(keys)) return keys.map((key) => ({ path: `${path}.${key}`, message: 'is not known' }));
  return [{ path, message: fault.message ?? 'is not valid' }];
}

/** `ORG_ALREADY_MOVING` → `Org already moving` */
function titleOf(code: string): string {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const pathOf = (url: string) => url.split('?', 1)[0] ?? url;
