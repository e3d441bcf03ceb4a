import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { messageOf } from '../errors/base.ts';

/** Where references in the configuration lead: the environment, and files relative to the configuration's folder. */
export interface References {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
}

export const host = z.string().min(1).max(255).regex(/^\S+$/, 'must not contain white space');
export const port = z.int().min(1).max(65_535);
export const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'must be a short name of letters, digits, - _ .');
/** An identifier as MySQL and MariaDB take it without quoting. */
export const identifier = z.string().regex(/^[A-Za-z0-9_$]{1,64}$/, 'must be a plain SQL identifier');
/** A user of a database, without its host part. */
export const userName = z.string().min(1).max(80);
export const homeRegion = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'must be a region such as eu-west-2');
export const hostgroup = z.int().min(0).max(2_147_483_647);
/** Milliseconds, whole and bounded to `maximum`. */
export const milliseconds = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);

const secretShape = z.xor([
  z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }),
  z.strictObject({ file: z.string().min(1) }),
]);

/** A secret: `{ env: NAME }` or `{ file: PATH }`, read at once. What is missing or empty is a fault. */
export function secret(references: References) {
  return z.unknown().transform((value, context): string => {
    const fault = (message: string, remedy: string) => {
      context.addIssue({ code: 'custom', message, params: { remedy } });
      return z.NEVER;
    };
    const reference = secretShape.safeParse(value);
    if (!reference.success) {
      return fault(
        value === undefined ? 'is missing' : 'is not a reference to a secret',
        'Write `{ env: NAME }` or `{ file: PATH }`; a secret itself never stands in this file.',
      );
    }
    if ('env' in reference.data) {
      const found = references.env[reference.data.env];
      if (found !== undefined && found !== '') return found;
      return fault(
        `the environment variable ${reference.data.env} is ${found === undefined ? 'not set' : 'empty'}`,
        'Set it for the controller’s process.',
      );
    }
    try {
      const text = readFileSync(resolve(references.folder, reference.data.file), 'utf8').replace(/\r?\n$/, '');
      return text === '' ? fault(`the file ${reference.data.file} is empty`, 'Write the secret into it.') : text;
    } catch (error) {
      return fault(`its file cannot be read: ${messageOf(error)}`, 'Make the file readable for the controller.');
    }
  });
}

/** A URL that may be shown: with no name and no password in it. */
export function publicUrl(options: Parameters<typeof z.url>[0]) {
  return z.url(options).refine((url) => !/^[a-z]+:\/\/[^/?#]*@/i.test(url), {
    message: 'has an account in it',
    params: { remedy: 'Leave name and password out: a URL is shown in logs.' },
  });
}

/** As mysql2 takes it for `ssl`. */
export interface TlsOptions {
  readonly minVersion: 'TLSv1.2';
  readonly rejectUnauthorized: true;
  readonly verifyIdentity: boolean;
  /** PEM of the authority; without it the usual ones. */
  readonly ca?: string;
}

/** What `schema` says, or `false` for somebody who does not want it: then nothing is there. */
function unlessFalse<S extends z.ZodType>(schema: S) {
  return z.unknown().transform((value, context): z.output<S> | undefined => {
    if (value === false) return undefined;
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
    return z.NEVER;
  });
}

/**
 * TLS towards a server, always verified; `verifyHostname: false` is for names that the certificate does not carry. `false`
 * is an unencrypted connection that somebody wants: a rule refuses one that nobody asked for.
 */
export function tls(references: References) {
  return unlessFalse(
    z
      .strictObject({ caFile: z.string().min(1).exactOptional(), verifyHostname: z.boolean().default(true) })
      .transform(({ caFile, verifyHostname }, context): TlsOptions => {
        const options: TlsOptions = {
          minVersion: 'TLSv1.2',
          rejectUnauthorized: true,
          verifyIdentity: verifyHostname,
        };
        if (caFile === undefined) return options;
        const ca = pemFile(references, context, 'caFile', caFile, 'Give the PEM file of the certificate authority.');
        return ca === null ? z.NEVER : { ...options, ca };
      }),
  );
}

/** Text of a PEM file that stands under `key`; null, with the fault told, where it cannot be read. */
function pemFile(
  references: References,
  context: z.RefinementCtx<unknown>,
  key: string,
  file: string,
  remedy: string,
): string | null {
  try {
    return readFileSync(resolve(references.folder, file), 'utf8');
  } catch (error) {
    const message = `cannot be read: ${messageOf(error)}`;
    context.addIssue({ code: 'custom', path: [key], message, params: { remedy } });
    return null;
  }
}

/** What the API proves itself by, both as PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Certificate and key of our own server, tried together; `false` where somebody else encrypts in front of it. */
export function serverTls(references: References) {
  return unlessFalse(
    z
      .strictObject({ certFile: z.string().min(1), keyFile: z.string().min(1) })
      .transform(({ certFile, keyFile }, context): ServerCertificate => {
        const cert = pemFile(
          references,
          context,
          'certFile',
          certFile,
          'Give the PEM file of the certificate and its chain.',
        );
        const key = pemFile(references, context, 'keyFile', keyFile, 'Give the PEM file of the private key.');
        if (cert === null || key === null) return z.NEVER;
        try {
          createSecureContext({ cert, key });
        } catch {
          // The library's words may repeat what stands in the file of the key.
          context.addIssue({
            code: 'custom',
            message: 'certificate and key cannot be used, or do not belong together',
            params: { remedy: 'Give a certificate and its own private key, both as PEM, the key without a password.' },
          });
          return z.NEVER;
        }
        return { cert, key };
      }),
  );
}

/** This machine: nothing on the way to it can be read by others. */
export const isLoopback = (address: string) => /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(address);

/** The keys that every database in the configuration has. */
export function databaseKeys(references: References) {
  return {
    host,
    port,
    user: userName,
    password: secret(references),
    tls: tls(references).exactOptional(),
  };
}
