import { z } from 'zod';
import type { Finding } from '../../../ports/finding.ts';
import { isTooOld } from '../inspect.ts';
import type { ProxyFindingsInput } from './input.ts';

/** Mends, among others, batches that run twice after a lost connection. */
const advised = [3, 0, 12] as const;

const row = z.object({ version: z.string() });

/** A version that works and has known defects is a warning. */
export async function versionFindings({ proxy, admin, signal }: ProxyFindingsInput): Promise<Finding[]> {
  const rows = await admin.rows(
    `SELECT variable_value AS version FROM runtime_global_variables WHERE variable_name = 'admin-version'`,
    signal,
  );
  const { version } = row.parse(rows[0] ?? { version: '0' });
  const parts = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const first = advised.findIndex((part, index) => part !== (parts[index] ?? 0));
  // That one refuses, and is told by itself.
  if (isTooOld(version)) return [];
  if (first < 0 || (parts[first] ?? 0) > (advised[first] ?? 0)) return [];
  return [
    {
      code: 'PROXY_VERSION_OLD',
      severity: 'warn',
      message: `proxy ${proxy} is ProxySQL ${version}, older than ${advised.join('.')}`,
      remedy: 'Update it: after a lost connection older ones can run a batch of statements twice.',
      evidence: { proxy, version },
    },
  ];
}
