import { CutoverError } from './base.ts';

/** One fault of a request: where, and what is wrong there. */
export interface RequestFault {
  /** `body.policy.lagGateMs`, `query.limit`, `params.id` */
  readonly path: string;
  readonly message: string;
}

/** The request is well-formed and says something that cannot be meant. Carries every fault. */
export class RequestInvalidError extends CutoverError {
  readonly code = 'REQUEST_INVALID';
  readonly remedy = 'Mend every fault listed and send the request again; nothing was changed.';
  readonly faults: readonly RequestFault[];

  constructor(faults: readonly RequestFault[]) {
    super(`invalid request: ${faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ')}`, {
      details: { faults },
    });
    this.faults = faults;
  }
}

/** The body, or the request itself, cannot be read. */
export class RequestMalformedError extends CutoverError {
  readonly code = 'REQUEST_MALFORMED';
  readonly remedy = 'Send a valid URL, and valid JSON with `content-type: application/json` or no body at all.';
}

/** The body is larger than a request may be. */
export class BodyTooLargeError extends CutoverError {
  readonly code = 'BODY_TOO_LARGE';
  readonly remedy = 'Send a smaller body.';
}

/** The body is of another type than JSON. */
export class MediaTypeUnsupportedError extends CutoverError {
  readonly code = 'MEDIA_TYPE_UNSUPPORTED';
  readonly remedy = 'Send the body as application/json.';
}

/** Nothing is served at this path. */
export class EndpointUnknownError extends CutoverError {
  readonly code = 'ENDPOINT_UNKNOWN';
  readonly remedy = 'Look the path up in /openapi.json.';
  readonly method: string;
  readonly path: string;

  constructor(method: string, path: string) {
    super(`nothing is served at ${method} ${path}`, { details: { method, path } });
    this.method = method;
    this.path = path;
  }
}

/** The path is served, by another method. */
export class MethodNotAllowedError extends CutoverError {
  readonly code = 'METHOD_NOT_ALLOWED';
  readonly remedy = 'Use one of the methods that are allowed here.';
  readonly method: string;
  readonly allowed: readonly string[];

  constructor(method: string, allowed: readonly string[]) {
    super(`${method} is not allowed here; allowed: ${allowed.join(', ')}`, { details: { method, allowed } });
    this.method = method;
    this.allowed = allowed;
  }
}

/** The request carries no bearer token. */
export class TokenMissingError extends CutoverError {
  readonly code = 'TOKEN_MISSING';
  readonly remedy = 'Send `authorization: Bearer TOKEN`.';
  constructor() {
    super('the request carries no bearer token');
  }
}

/** The bearer token is none that the configuration knows, or a JSON Web Token that is not taken. */
export class TokenRefusedError extends CutoverError {
  readonly code = 'TOKEN_REFUSED';
  readonly remedy = 'Use a token whose SHA-256 is in the configuration, or get a new one of the configured issuer.';
  constructor(why: string) {
    super(`the bearer token is refused: ${why}`);
  }
}

/** The keys of the tokens' issuer cannot be had, so nobody's token can be checked. */
export class IdentityUnavailableError extends CutoverError {
  readonly code = 'IDENTITY_UNAVAILABLE';
  readonly remedy = 'Check jwt.keys in the configuration and the issuer; tokens of the configuration work meanwhile.';
  readonly transient = true;
  constructor(cause: unknown) {
    super('the keys of the tokens’ issuer cannot be read', { cause });
  }
}

/** The token's role is below what the request needs. */
export class RoleTooLowError extends CutoverError {
  readonly code = 'ROLE_TOO_LOW';
  readonly remedy = 'Have somebody with the role named here do it.';
  readonly role: string;
  readonly needed: string;

  constructor(role: string, needed: string) {
    super(`the role ${role} may not do this; it needs ${needed}`, { details: { role, needed } });
    this.role = role;
    this.needed = needed;
  }
}

/** The idempotency key was used before, for another request. */
export class RequestKeyReusedError extends CutoverError {
  readonly code = 'REQUEST_KEY_REUSED';
  readonly remedy = 'Use a new key for a new request; nothing was changed.';
  constructor(key: string) {
    super(`the idempotency key ${key} belongs to another request`, { details: { key } });
  }
}

/** A request with this idempotency key is being carried out. */
export class RequestUnansweredError extends CutoverError {
  readonly code = 'REQUEST_UNANSWERED';
  readonly remedy = 'Wait a moment and send it again with the same key: it gets the answer of the first.';
  constructor(key: string) {
    super(`the request with the idempotency key ${key} has not been answered yet`, { details: { key } });
  }
}

/** A dependency that does not answer as it should; `code` and `remedy` where the reason has a name. */
export interface Missing {
  readonly dependency: string;
  readonly message: string;
  readonly code?: string;
  readonly remedy?: string;
}

/** Something that the controller depends on does not answer. */
export class NotReadyError extends CutoverError {
  readonly code = 'NOT_READY';
  readonly remedy = 'Look at the dependencies listed; the controller becomes ready by itself when they answer.';
  readonly missing: readonly Missing[];

  constructor(missing: readonly Missing[]) {
    super(`not ready: ${missing.map((each) => `${each.dependency}: ${each.message}`).join('; ')}`, {
      details: { missing },
    });
    this.missing = missing;
  }
}

/** As many event streams are open as one controller serves. */
export class TooManyStreamsError extends CutoverError {
  readonly code = 'TOO_MANY_STREAMS';
  readonly remedy = 'Close streams that nobody reads, or poll the events as JSON.';
  readonly transient = true;
  readonly limit: number;

  constructor(limit: number) {
    super(`${limit} event streams are open already`, { details: { limit } });
    this.limit = limit;
  }
}

/** A fault of the controller itself. What it was is in the log only, under the request's id. */
export class InternalFaultError extends CutoverError {
  readonly code = 'INTERNAL';
  readonly remedy = 'Find the request’s id in the controller’s log and report what stands there.';
  constructor(cause: unknown) {
    super('the controller met a fault of its own', { cause });
  }
}

/** The token has asked too often. */
export class RateLimitedError extends CutoverError {
  readonly code = 'RATE_LIMITED';
  readonly remedy =
    'Ask again after the time in Retry-After, and less often: give `if-none-match`, or read the event stream.';
  readonly transient = true;

  constructor(requests: number, againInMs: number) {
    super(`this token has made its ${requests} requests; it may go on in ${againInMs} ms`, {
      details: { requests, againInMs },
    });
  }
}
