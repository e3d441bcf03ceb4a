import { CutoverError, messageOf } from './base.ts';

/** What TLS says of a certificate that it does not accept, by Node's own codes and OpenSSL's words. */
const codes =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/;
const words =
  /self[- ]signed certificate|unable to (verify the first certificate|get (local )?issuer certificate)|certificate (has expired|is not yet valid)|does not match certificate|does not support secure connection/i;

/** A certificate is not accepted: another authority, another name, or out of date. */
export class CertificateRefusedError extends CutoverError {
  readonly code = 'CERTIFICATE_REFUSED';
  readonly remedy =
    'Give tls.caFile the authority that signed it, or the name that stands in it as the host; renew one that has expired.';

  constructor(details: Readonly<Record<string, unknown>>, reason: unknown) {
    const { place, proxy, homeRegion } = details;
    const whose = place ?? proxy ?? homeRegion;
    super(`the certificate ${whose === undefined ? '' : `of ${String(whose)} `}is not accepted: ${messageOf(reason)}`, {
      cause: reason,
      details: { ...(place === undefined ? {} : { place }), ...(proxy === undefined ? {} : { proxy }) },
    });
  }
}

/** The error, or that a certificate was refused where that is what lies behind it. */
export function named(error: CutoverError): CutoverError {
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    const code = 'code' in cause ? String(cause.code) : '';
    if (codes.test(code) || words.test(cause.message)) return new CertificateRefusedError(error.details, cause);
  }
  return error;
}
