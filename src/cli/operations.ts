import type { Api } from './api.ts';
import type { OperationsInvocation } from './args.ts';
import type { Output } from './output.ts';
import { table } from './text.ts';

/** Freeze, unfreeze, the rollback of a whole cluster, the audit log. */
export async function operate(api: Api, invocation: OperationsInvocation, output: Output): Promise<void> {
  const show = <T>(result: T, text: (result: T) => string) =>
    output.out(invocation.json ? `${JSON.stringify(result)}\n` : text(result));
  switch (invocation.command) {
    case 'freeze':
    case 'unfreeze':
      return show(await api.freeze(invocation.command, invocation.reason), ({ frozen, by, reason, since }) =>
        frozen ? `frozen by ${by} since ${since}: ${reason}\n` : 'not frozen: starts and flips go on\n',
      );
    case 'evacuate':
      return show(await api.evacuate(invocation.homeRegion, invocation.reason), ({ begun, refused }) =>
        [
          `${begun.length} migrations of ${invocation.homeRegion} go back\n`,
          ...refused.map(({ orgId, id, code, detail }) => `org ${orgId} (${id}) does not: ${code}: ${detail}\n`),
        ].join(''),
      );
    case 'audit':
      return show(await api.audit(), (entries) =>
        table(
          ['SEQ', 'AT', 'WHO', 'ROLE', 'FROM', 'WHAT', 'TO', 'ANSWER', 'INPUT'],
          entries.map(({ seq, at, actor, role, from, action, target, outcome, input }) => [
            String(seq),
            at,
            actor,
            role,
            from,
            action,
            target,
            outcome === null ? 'none' : `${outcome.status}${outcome.code === null ? '' : ` ${outcome.code}`}`,
            JSON.stringify(input ?? null),
          ]),
        ),
      );
  }
}
