import { z } from 'zod';
import { milliseconds, name, publicUrl, type References, secret } from './values.ts';

/** Phases of the machine, which a hook may choose from; a test compares them with the machine. */
export const phases = [
  'planned',
  'preflight',
  'preflightPassed',
  'snapshot',
  'snapshotTaken',
  'replicating',
  'lagCheck',
  'ready',
  'drifted',
  'paused',
  'flipping',
  'verifying',
  'soaking',
  'completing',
  'rollingBack',
  'cleaningUp',
  'needsOperator',
  'completed',
  'rolledBack',
  'cancelled',
] as const;

/** Encrypted, but for a receiver on the same machine. */
const receiver = z.union([
  publicUrl({ protocol: /^https$/ }),
  publicUrl({ protocol: /^http$/, hostname: /^(127\.0\.0\.1|localhost)$/ }),
]);

/** An address, or a reference to one: that of a chat is as good as a password. */
function address(references: References) {
  return z.unknown().transform((value, context): string => {
    const found =
      typeof value === 'string' ? { success: true as const, data: value } : secret(references).safeParse(value);
    if (!found.success) {
      for (const issue of found.error.issues) context.addIssue({ ...issue, code: 'custom' });
      return z.NEVER;
    }
    if (receiver.safeParse(found.data).success) return found.data;
    context.addIssue({
      code: 'custom',
      message: 'is no https URL without an account in it',
      params: { remedy: 'Give an https URL, http only on this machine, or a reference to one.' },
    });
    return z.NEVER;
  });
}

/** Bytes that a secret has to have: shorter ones can be guessed from a signature. */
const shortestSecret = 24;

function signingSecret(references: References) {
  return secret(references).refine((found) => Buffer.byteLength(found) >= shortestSecret, {
    message: `is shorter than ${shortestSecret} bytes`,
    params: { remedy: 'Make a new one: openssl rand -base64 32' },
  });
}

/** Who is told of state changes. */
export function webhooksSchema(references: References) {
  return z
    .array(
      z.strictObject({
        name,
        url: address(references),
        /** What deliveries are signed with. */
        secret: signingSecret(references),
        /** `event` for programs, `chat` for a chat's incoming hook: one line of text. */
        format: z.enum(['event', 'chat']).default('event'),
        /** Only these phases; left out: all of them. */
        phases: z.array(z.enum(phases)).min(1).exactOptional(),
        /** Every step of a phase, not its beginning alone. */
        steps: z.boolean().default(false),
        timeoutMs: milliseconds(100, 60_000).default(10_000),
        /** Age at which an event that was not taken is given up. */
        giveUpAfterMs: milliseconds(1_000, 604_800_000).default(86_400_000),
      }),
    )
    .max(20)
    .default([]);
}
export type WebhookConfig = z.output<ReturnType<typeof webhooksSchema>>[number];
