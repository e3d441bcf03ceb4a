import type { Plan } from '../service/plans.ts';
import { type Api, findMigration } from './api.ts';
import type { Output } from './output.ts';

/** Shows what the rest of a move would do. */
export async function plan(
  api: Api,
  { target, json }: { target: string; json: boolean },
  output: Output,
): Promise<void> {
  const found = await api.plan((await findMigration(api, target)).id);
  output.out(json ? `${JSON.stringify(found)}\n` : planOfMoveText(found));
}

function planOfMoveText({ id, orgId, homeRegion, state, phases, unknown }: Plan): string {
  const lines = [`org ${orgId} to ${homeRegion} (${id}), from ${state} on; nothing has been changed`];
  for (const { phase, acts, waits } of phases) {
    lines.push('', phase);
    for (const { where, what, details } of acts) {
      lines.push(`  ${where.padEnd(16)}  ${what}`);
      for (const line of detailLines(details)) lines.push(`  ${' '.repeat(16)}    ${line}`);
    }
    for (const wait of waits) lines.push(`  waits for         ${wait}`);
  }
  if (phases.length === 0) lines.push('', 'there is nothing left to do');
  if (unknown.length > 0) lines.push('', 'not known yet', ...unknown.map((each) => `  ${each}`));
  return `${lines.join('\n')}\n`;
}

/** The rules of a proxy and what names a thing; all else stands in the JSON. */
function detailLines({ comment, rules, epoch, tables }: Plan['phases'][number]['acts'][number]['details']): string[] {
  const lines: string[] = [];
  if (typeof comment === 'string') lines.push(comment);
  for (const rule of Array.isArray(rules) ? rules : []) {
    const { ruleId, active, destinationHostgroup, matchDigest } = rule as Record<string, unknown>;
    lines.push(
      `rule ${ruleId}: ${active === 1 ? `to hostgroup ${destinationHostgroup}${typeof matchDigest === 'string' ? `, where the digest matches ${matchDigest}` : ''}` : 'inactive'}`,
    );
  }
  if (typeof epoch === 'number') lines.push(`epoch ${epoch}`);
  if (Array.isArray(tables)) lines.push(`tables ${tables.join(', ')}`);
  return lines;
}
