import type { PurgeAnswer } from '../service/purgeAnswer.ts';
import { type Api, findMigration } from './api.ts';
import type { PurgeInvocation } from './args.ts';
import type { Output } from './output.ts';
import { purgeText, table } from './text.ts';

/** Orders the removal of a completed org's rows at the source, or tells how far it is. */
export async function purge(
  api: Api,
  { target, action, reason, json }: PurgeInvocation,
  output: Output,
): Promise<void> {
  const answer = await api.purge((await findMigration(api, target)).id, action, reason);
  output.out(json ? `${JSON.stringify(answer)}\n` : answerText(answer));
}

function answerText({ orgId, plan, purge: status }: PurgeAnswer): string {
  if (plan === null) return status === null ? `org ${orgId}: no purge\n` : `org ${orgId}: ${purgeText(status)}\n`;
  const first = plan.refusals.length === 0 ? 'may be purged' : 'is not purged';
  return [
    `org ${orgId} ${first}: ${plan.rows} rows in ${plan.chunks} chunks or more\n`,
    ...plan.refusals.map((refusal) => `  against it: ${refusal}\n`),
    '\n',
    table(
      ['SITE', 'TABLE', 'ROWS'],
      plan.sites.flatMap(({ site, tables }) => tables.map(({ table: name, rows }) => [site, name, String(rows)])),
    ),
  ].join('');
}
