import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { type JwtConfig, type Role, roles } from '../config/identity.ts';
import { IdentityUnavailableError, TokenRefusedError } from '../errors/http.ts';

/** Who a token says that its bearer is. */
export interface Identity {
  readonly name: string;
  readonly role: Role;
}

/** Only signatures whose key is not a shared secret: whoever could check such a token could make one. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
/** Difference of clocks that is overlooked (seconds). */
const clockToleranceSeconds = 5;
const longestName = 120;

/** True for what could be a JSON Web Token: three parts in base64url. */
export const looksLikeJwt = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);

/** Checks signature, issuer, audience and time of a token, and reads name and role. Throws `TokenRefusedError`. */
export function jwtReader(config: JwtConfig): (token: string) => Promise<Identity> {
  const keys: JWTVerifyGetKey =
    'url' in config.keys
      ? createRemoteJWKSet(new URL(config.keys.url))
      : createLocalJWKSet({ keys: config.keys.keys as never });
  return async (token) => {
    const { payload } = await jwtVerify(token, keys, {
      issuer: config.issuer,
      audience: config.audience,
      algorithms,
      clockTolerance: clockToleranceSeconds,
      // A token that never expires cannot be taken back.
      requiredClaims: ['exp', config.nameClaim],
    }).catch((error: unknown) => {
      throw refusalOf(error);
    });
    const name = payload[config.nameClaim];
    if (typeof name !== 'string' || name === '' || name.length > longestName) {
      throw new TokenRefusedError(`its claim ${config.nameClaim} is no name`);
    }
    const role = highestRole(config, payload);
    if (role === null) throw new TokenRefusedError(`its claim ${config.roleClaim} gives no role here`);
    return { name, role };
  };
}

function highestRole({ roleClaim, roles: meaning }: JwtConfig, payload: JWTPayload): Role | null {
  const words = [payload[roleClaim]].flat().filter((word) => typeof word === 'string');
  const given = words.flatMap((word) => (Object.hasOwn(meaning, word) ? [meaning[word]] : []));
  return roles.findLast((role) => given.includes(role)) ?? null;
}

/** What is the token's fault, and what the issuer's. */
function refusalOf(error: unknown): Error {
  if (error instanceof errors.JWTExpired) return new TokenRefusedError('it has expired');
  if (error instanceof errors.JWTClaimValidationFailed)
    return new TokenRefusedError(`its claim ${error.claim} is refused`);
  const ofTheIssuer = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  if (error instanceof errors.JOSEError && !ofTheIssuer && error.code !== 'ERR_JOSE_GENERIC') {
    return new TokenRefusedError('its signature is not one that is taken here');
  }
  return new IdentityUnavailableError(error);
}
