/** What a failed call means. */
export type Fault =
  /** No answer that tells whether it was carried out: describe, then decide. */
  | { readonly kind: 'unanswered'; readonly throttled: boolean }
  /** Faults that another look at the task explains. */
  | { readonly kind: 'alreadyExists' | 'notFound' | 'wrongState' }
  /** DMS does not want it, and will not want it the next time. */
  | { readonly kind: 'refused' };

const throttles =
  /^(Throttling(Exception)?|ThrottledException|TooManyRequestsException|RequestLimitExceeded|SlowDown|RequestThrottled(Exception)?|KMSThrottlingFault)$/;
/** Credentials that were good a moment ago, or a clock that the SDK corrects by itself on the next call. */
const passing =
  /^(ExpiredToken(Exception)?|RequestExpired|RequestTimeTooSkewed|InvalidSignatureException|CredentialsProviderError|ServiceUnavailable(Exception)?|InternalFailure|InternalServerError|RequestTimeout)$/;
const lostOnTheWay =
  /^(ECONN(RESET|REFUSED|ABORTED)|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_.*|ERR_STREAM_.*)$/;
const timeouts = /^(TimeoutError|AbortError)$/;

/** @returns null for what is no answer of DMS or of the network at all: a fault of our own. */
export function faultOf(error: unknown): Fault | null {
  if (typeof error !== 'object' || error === null) return null;
  const { name, code, message, $metadata, $response } = error as Record<string, unknown>;
  const names = [name, code].filter((value) => typeof value === 'string');
  const is = (pattern: RegExp) => names.some((value) => pattern.test(value));
  const status = statusOf($metadata) ?? statusOf($response);

  if (is(throttles) || status === 429 || message === 'Rate exceeded') return { kind: 'unanswered', throttled: true };
  if (is(passing) || is(timeouts) || is(lostOnTheWay)) return { kind: 'unanswered', throttled: false };
  if (status !== null && status >= 500) return { kind: 'unanswered', throttled: false };
  // A reply that could not be read (an error page, half a body).
  if (name === 'SyntaxError' && $response !== undefined) return { kind: 'unanswered', throttled: false };
  if (name === 'ResourceAlreadyExistsFault') return { kind: 'alreadyExists' };
  if (name === 'ResourceNotFoundFault') return { kind: 'notFound' };
  if (name === 'InvalidResourceStateFault') return { kind: 'wrongState' };
  return status === null && !('$fault' in error) ? null : { kind: 'refused' };
}

function statusOf(value: unknown): number | null {
  if (typeof value !== 'object' || value === null) return null;
  const { httpStatusCode, statusCode } = value as Record<string, unknown>;
  if (typeof httpStatusCode === 'number') return httpStatusCode;
  return typeof statusCode === 'number' ? statusCode : null;
}
