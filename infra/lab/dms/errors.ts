/** A fault as the service answers it: HTTP 400 with `__type` and `message`. */
export class DmsFault extends Error {
  override readonly name = 'DmsFault';
  /** The service's own name of the fault, e.g. `InvalidResourceStateFault`. */
  readonly code: string;
  readonly httpStatus: number;

  constructor(code: string, message: string, httpStatus = 400) {
    super(message);
    this.code = code;
    this.httpStatus = httpStatus;
  }
}

export const notFound = (message: string): DmsFault => new DmsFault('ResourceNotFoundFault', message);
export const wrongState = (message: string): DmsFault => new DmsFault('InvalidResourceStateFault', message);
export const alreadyExists = (message: string): DmsFault => new DmsFault('ResourceAlreadyExistsFault', message);
export const quotaExceeded = (message: string): DmsFault => new DmsFault('ResourceQuotaExceededFault', message);
export const invalidParameter = (message: string): DmsFault => new DmsFault('InvalidParameterValueException', message);
export const invalidCombination = (message: string): DmsFault =>
  new DmsFault('InvalidParameterCombinationException', message);
export const throttled = (): DmsFault => new DmsFault('ThrottlingException', 'Rate exceeded');

/** Why a task cannot go on. `recoverable` errors are retried by the task itself, fatal ones end it. */
export class TaskError extends Error {
  override readonly name = 'TaskError';
  readonly code: string;
  readonly recoverable: boolean;

  constructor(code: string, message: string, options: { recoverable: boolean; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.recoverable = options.recoverable;
  }
}

/** What goes wrong in one table only; the task's TableErrorPolicy decides what becomes of the rest. */
export class TableError extends Error {
  override readonly name = 'TableError';
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

/** The driver's or system's code of whatever was thrown (`ER_DUP_ENTRY`, `ECONNREFUSED`), or an empty string. */
export function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return '';
}
