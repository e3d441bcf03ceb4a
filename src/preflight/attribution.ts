import type { Clock } from '../ports/clock.ts';
import type { Finding } from '../ports/finding.ts';
import type { OrgTable } from '../ports/place.ts';
import type { Routing, SeenStatement } from '../ports/routing.ts';
import { asked } from './asked.ts';
import type { Check } from './finding.ts';

/** Looks at each proxy, and the time between two (milliseconds): two seconds of live traffic. */
const looks = 20;
const lookEveryMs = 100;
/** Statements that a finding shows. */
const shownAtMost = 5;

/** What clients of BigDB send, told by a comment: statements without one go to the source whichever side serves the org. */
export const attributionFindings: Check = async (estate) => [...(await estate.samples.attribution.get())];

/** Looks at every proxy for two seconds. A proxy that does not answer is a finding. */
export async function sampleAttribution(
  { proxies }: Pick<Routing, 'proxies'>,
  tables: readonly OrgTable[],
  clock: Pick<Clock, 'sleep' | 'monotonicMs'>,
): Promise<readonly Finding[]> {
  const findings = await Promise.all(
    proxies.map((proxy) =>
      asked(clock, async () => {
        const statements: SeenStatement[] = [];
        for (let look = 0; look < looks; look++) {
          const found = await proxy.lookAtStatements();
          if (found === null) return [];
          statements.push(...found);
          await clock.sleep(lookEveryMs);
        }
        return judgeAttribution(proxy.name, statements, await proxy.transactionsBegun(), tables);
      }),
    ),
  );
  return findings.flat();
}

const remedy =
  'Have the client put the annotation at the very beginning of each statement, of BEGIN and START TRANSACTION too.';

/**
 * What looks at one proxy say. A write on an org-owned table that is not annotated goes to the source after the flip
 * too, where the fence refuses it: if that is how a user writes, the move is refused. A read like that sees rows that
 * the org has left behind. A BEGIN takes its whole transaction along.
 */
export function judgeAttribution(
  proxy: string,
  statements: readonly SeenStatement[],
  begun: ReadonlyMap<string, number>,
  tables: readonly OrgTable[],
): readonly Finding[] {
  if (statements.length === 0 && begun.size === 0) {
    const message = `proxy ${proxy}: no statement of BigDB's users was met; nothing is known of their annotations`;
    return [
      {
        code: 'STATEMENTS_NOT_SEEN',
        severity: 'warn',
        message,
        remedy: 'Run preflight while the clients work.',
        evidence: { proxy },
      },
    ];
  }
  const users = new Set([...statements.map(({ user }) => user), ...begun.keys()]);
  return [...users].flatMap((user) => {
    const own = statements.filter((statement) => statement.user === user);
    const of = (kind: Kind) => own.filter(({ statement }) => kindOf(statement, tables) === kind);
    return [
      ...notAnnotated(proxy, user, 'write', of('write')),
      ...notAnnotated(proxy, user, 'read', of('read')),
      ...transactions(proxy, user, of('begin'), begun.get(user) ?? 0),
    ];
  });
}

function notAnnotated(proxy: string, user: string, kind: 'read' | 'write', seen: readonly SeenStatement[]): Finding[] {
  const without = seen.filter(({ annotated }) => !annotated);
  if (without.length === 0) return [];
  const none = kind === 'write' && without.length === seen.length;
  return [
    {
      code: 'STATEMENTS_NOT_ATTRIBUTED',
      severity: none ? 'refuse' : 'warn',
      message: `proxy ${proxy}: ${without.length} of ${seen.length} ${kind}s of user ${user} on org-owned tables, as met, name no org`,
      remedy,
      evidence: { proxy, user, kind, met: seen.length, without: without.length, statements: shown(without) },
    },
  ];
}

/** The statistics count BEGINs and cut their comments: only the few that are met running tell whether they name an org. */
function transactions(proxy: string, user: string, met: readonly SeenStatement[], count: number): Finding[] {
  const without = met.filter(({ annotated }) => !annotated);
  if (without.length === 0 && (count === 0 || met.length > 0)) return [];
  const told =
    met.length === 0
      ? 'none was met, so that nobody knows whether they name an org'
      : `${without.length} of ${met.length} met name no org`;
  return [
    {
      code: 'STATEMENTS_NOT_ATTRIBUTED',
      severity: 'warn',
      message: `proxy ${proxy}: user ${user} has begun ${count} transactions by BEGIN or START TRANSACTION; ${told}`,
      remedy,
      evidence: {
        proxy,
        user,
        kind: 'begin',
        counted: count,
        met: met.length,
        without: without.length,
        statements: shown(without),
      },
    },
  ];
}

type Kind = 'write' | 'read' | 'begin' | 'other';

function kindOf(statement: string, tables: readonly OrgTable[]): Kind {
  const bare = statement.replace(/^(\s|\/\*.*?\*\/)+/s, '');
  if (/^(BEGIN|START\s+TRANSACTION)\b/i.test(bare)) return 'begin';
  const words = new Set(bare.toLowerCase().match(/[\w$]+/g));
  if (!tables.some(({ table }) => words.has(table.toLowerCase()))) return 'other';
  return /^SELECT\b(?!.*\bFOR\s+UPDATE\b)/is.test(bare) ? 'read' : 'write';
}

const shown = (statements: readonly SeenStatement[]): string[] =>
  [...new Set(statements.map(({ statement }) => statement))].slice(0, shownAtMost);
