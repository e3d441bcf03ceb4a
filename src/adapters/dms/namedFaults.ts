import { type CutoverError, messageOf } from '../../errors/base.ts';
import { ReplicationCredentialsError, ReplicationRegionError } from '../../errors/replication.ts';

/** How AWS's services, and its SDK, say that they do not know who asks, or no longer; what somebody may not do is another matter. */
const credentials =
  /^(ExpiredToken(Exception)?|RequestExpired|UnrecognizedClientException|InvalidClientTokenId|InvalidAccessKeyId|InvalidSignatureException|SignatureDoesNotMatch|MissingAuthenticationToken(Exception)?|CredentialsProviderError|RequestTimeTooSkewed)$/;

/** A fault that has a name of its own for people: whose credentials, which region; null for any other. */
export function namedFault(
  error: unknown,
  { homeRegion, region }: { readonly homeRegion: string; readonly region: string },
): CutoverError | null {
  if (!(error instanceof Error) || !credentials.test(error.name)) return null;
  // Signed for one region and sent to another.
  if (/scoped to/i.test(error.message)) return new ReplicationRegionError(homeRegion, region, error);
  return new ReplicationCredentialsError(homeRegion, error.name, messageOf(error), error);
}
