import { randomBytes } from 'node:crypto';
import { invalidParameter } from './errors.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const RESOURCE_ID_LENGTH = 26;
const MAX_RESOURCE_IDENTIFIER = 31;

export type ResourceType = 'endpoint' | 'rep' | 'task';

/** An ARN; its last part is the ResourceIdentifier if one was given, else random. */
export function makeArn(region: string, accountId: string, type: ResourceType, resourceIdentifier?: string): string {
  const last = resourceIdentifier ?? [...randomBytes(RESOURCE_ID_LENGTH)].map((byte) => ALPHABET[byte & 31]).join('');
  return `arn:aws:dms:${region}:${accountId}:${type}:${last}`;
}

/** Names of tasks, endpoints and instances: letters, digits, hyphens, a letter first, no double or trailing hyphen. */
export function checkIdentifier(what: string, name: string, maxLength = 255): void {
  if (!/^[A-Za-z](?:-?[A-Za-z0-9])*$/.test(name) || name.length > maxLength) {
    throw invalidParameter(
      `The parameter ${what} must be 1 to ${maxLength} letters, digits and hyphens, begin with a letter, and must not end with a hyphen or contain two consecutive hyphens: ${name}`,
    );
  }
}

export function checkResourceIdentifier(name: string | undefined): void {
  if (name !== undefined) checkIdentifier('ResourceIdentifier', name, MAX_RESOURCE_IDENTIFIER);
}
