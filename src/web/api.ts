import type { Problem as ApiProblem } from '../http/schemas.ts';

export type Problem = Pick<ApiProblem, 'status' | 'code' | 'title' | 'detail' | 'remedy'> &
  Partial<Pick<ApiProblem, 'allowed' | 'details' | 'requestId'>>;

/** A request came back with a problem, or with nothing. */
export class Refusal extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** A removal of a proxy is answered within two minutes. */
const answerWithinMs = 150_000;

/** Asks the API. Throws `Refusal`. */
export async function ask<T>(
  token: string,
  method: 'GET' | 'POST',
  path: string,
  options: { body?: unknown; key?: string } = {},
): Promise<T> {
  const { body, key } = options;
  const reply = await fetch(path, {
    method,
    cache: 'no-store',
    credentials: 'omit',
    signal: AbortSignal.timeout(answerWithinMs),
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Refusal(unreachable);
  });
  if (!reply.ok) throw new Refusal(await problemOf(reply));
  return (await reply.json()) as T;
}

const unreachable: Problem = {
  status: 0,
  code: 'UNREACHABLE',
  title: 'No answer',
  detail: 'The controller did not answer: whether it has carried this out is not known.',
  remedy: 'Send it again: it is carried out once, however often it is sent from here.',
};

/** What a refused request says; something between the page and the controller may say it in other words. */
export async function problemOf(reply: Response): Promise<Problem> {
  const problem = await reply.json().catch(() => null);
  if (typeof problem?.code === 'string' && typeof problem.detail === 'string') return problem;
  return {
    status: reply.status,
    code: `HTTP_${reply.status}`,
    title: reply.statusText,
    detail: `Something between this page and the controller answered ${reply.status} ${reply.statusText}.`,
    remedy: 'Try again; look at the proxy in front of the controller if it stays.',
  };
}

/** Names a command, so that sent twice it is carried out once. Works where the page has no secure context, too. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
