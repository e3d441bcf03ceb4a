import { CutoverError, messageOf } from '../errors/base.ts';
import { statusOfError } from '../errors/httpStatus.ts';
import type { Problem } from '../http/schemas.ts';
import { type ExitCode, exitCodes } from './exitCodes.ts';

/** The command line is wrong. */
export class UsageError extends CutoverError {
  readonly code = 'USAGE';
  readonly remedy: string;

  constructor(message: string, remedy = 'See `bigdb-cutover --help`.') {
    super(message);
    this.remedy = remedy;
  }
}

/** Nobody answers at the API's address. */
export class ApiUnreachableError extends CutoverError {
  readonly code = 'API_UNREACHABLE';
  readonly remedy =
    'Check --api (or BIGDB_CUTOVER_API) and that the controller runs; an authority of your own is trusted by NODE_EXTRA_CA_CERTS.';

  constructor(url: string, cause: unknown) {
    super(`no answer from ${url}: ${reasonOf(cause)}`, { cause, details: { url } });
  }
}

/** Somebody answers at the API's address who is not this controller's API, or of another version. */
export class ApiReplyError extends CutoverError {
  readonly code = 'API_REPLY_UNEXPECTED';
  readonly remedy = 'Check that --api names the controller, and that both are of the same version.';
}

/** The API answered with a problem, which is passed on as it is. */
export class ApiProblemError extends CutoverError {
  readonly code: string;
  readonly remedy: string;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail, { details: problem.details });
    this.code = problem.code;
    this.remedy = problem.remedy;
    this.problem = problem;
  }
}

/** The org has no migration that the command could be meant for. */
export class NoMigrationError extends CutoverError {
  readonly code = 'ORG_WITHOUT_MIGRATION';
  readonly remedy = 'Start one with `bigdb-cutover start ORG`.';

  constructor(orgId: number) {
    super(`org ${orgId} has no migration`, { details: { orgId } });
  }
}

/** A database refused what `fence` asked of it. */
export class FenceCommandError extends CutoverError {
  readonly code = 'FENCE_COMMAND_FAILED';
  readonly remedy =
    'Check that the account may make triggers and the control schema at every place, then repeat: what is done is kept.';

  constructor(action: string, cause: unknown) {
    super(`fence ${action}: ${messageOf(cause)}`, { cause, details: { action } });
  }
}

/** The exit code that says what kind of failure it was. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof ApiUnreachableError) return exitCodes.unreachable;
  if (error instanceof NoMigrationError) return exitCodes.notFound;
  if (error instanceof CutoverError && error.code === 'CONFIG_INVALID') return exitCodes.usage;
  if (!(error instanceof CutoverError)) return exitCodes.failed;
  if (error.code === 'ORG_UNKNOWN') return exitCodes.notFound;
  if (error.code === 'POLICY_LOOSENED') return exitCodes.notAllowed;
  switch (error instanceof ApiProblemError ? error.problem.status : statusOfError(error)) {
    case 400:
      return exitCodes.usage;
    case 401:
    case 403:
    case 409:
      return exitCodes.notAllowed;
    case 404:
      return exitCodes.notFound;
    case 503:
      return exitCodes.unreachable;
    default:
      return exitCodes.failed;
  }
}

/** fetch hides what happened in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'timed out';
  const { cause } = error;
  if (cause instanceof Error) return 'code' in cause && cause.message === '' ? String(cause.code) : cause.message;
  return error.message;
}
