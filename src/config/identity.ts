import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../errors/base.ts';
import { publicUrl, type References } from './values.ts';

/** Roles, each with all that the ones before it may do. */
export const roles = ['viewer', 'operator', 'approver', 'admin'] as const;
export type Role = (typeof roles)[number];

const jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

/** Keys that sign JSON Web Tokens: published at a URL, or in a file. */
function keySet(references: References) {
  return z
    .xor([
      z.strictObject({ url: publicUrl({ protocol: /^https$/ }) }),
      z.strictObject({ file: z.string().min(1) }),
      // For an issuer on the same machine.
      z.strictObject({ url: publicUrl({ protocol: /^http$/, hostname: /^(127\.0\.0\.1|localhost)$/ }) }),
    ])
    .transform((value, context): { url: string } | { keys: Record<string, unknown>[] } => {
      if ('url' in value) return value;
      const fault = (message: string) => {
        context.addIssue({
          code: 'custom',
          message,
          params: { remedy: 'Give a file with a JSON Web Key Set: {"keys": […]}.' },
        });
        return z.NEVER;
      };
      let text: string;
      try {
        text = readFileSync(resolve(references.folder, value.file), 'utf8');
      } catch (error) {
        return fault(`its file cannot be read: ${messageOf(error)}`);
      }
      try {
        const parsed = jwks.safeParse(JSON.parse(text));
        return parsed.success ? parsed.data : fault(`the file ${value.file} is no key set`);
      } catch {
        // The parser's words would repeat what stands in the file, which may be somebody's secret.
        return fault(`the file ${value.file} is not JSON`);
      }
    });
}

/** JSON Web Tokens that are taken beside the configuration's own. */
export function jwtSchema(references: References) {
  return z.strictObject({
    issuer: z.string().min(1),
    audience: z.string().min(1),
    keys: keySet(references),
    /** Claim with the person's name. */
    nameClaim: z.string().min(1).default('sub'),
    /** Claim with a word or a list of words, of which `roles` says what they mean. */
    roleClaim: z.string().min(1).default('roles'),
    roles: z
      .record(z.string().min(1), z.enum(roles))
      .default({ ...Object.fromEntries(roles.map((role) => [role, role])) }),
  });
}
export type JwtConfig = z.output<ReturnType<typeof jwtSchema>>;
