import type { Catalogue, DeclaredStatement } from '../catalogue/catalogue.ts';
import type { Clock } from '../ports/clock.ts';
import type { Finding } from '../ports/finding.ts';
import type { Routing, SentStatement } from '../ports/routing.ts';
import { asked } from './asked.ts';
import type { Check } from './finding.ts';
import { hasOrgPredicate, namedIn } from './orgPredicate.ts';

/** Of a long statement so much is shown (characters); its digest's number names it. */
const shownAtMost = 300;

/** What one proxy tells. */
export interface SentAt {
  readonly proxy: string;
  readonly statements: readonly SentStatement[];
  readonly perhapsAnnotated: boolean;
}

/**
 * Statements on org-owned tables that belong to no org, or to several: queue workers, retention jobs, reports. No proxy
 * can lead them to the side that serves a row. Each keeps the first org from moving until somebody has declared what
 * becomes of it.
 */
export const strayStatementFindings: Check = async (estate) => [...(await estate.samples.strays.get())];

/** Asks every proxy. One that does not answer is a finding. */
export async function sampleStrays(
  { proxies }: Pick<Routing, 'proxies'>,
  catalogue: Catalogue,
  clock: Pick<Clock, 'sleep' | 'monotonicMs'>,
): Promise<readonly Finding[]> {
  const sent: SentAt[] = [];
  const silent = await Promise.all(
    proxies.map((proxy) =>
      asked(clock, async () => {
        sent.push({ proxy: proxy.name, ...(await proxy.strayStatements(catalogue.tables)) });
        return [];
      }),
    ),
  );
  return [...silent.flat(), ...judgeStrays(sent, catalogue)];
}

/** One finding for each user and form, whatever proxies have seen it. */
export function judgeStrays(sent: readonly SentAt[], catalogue: Pick<Catalogue, 'tables' | 'declared'>): Finding[] {
  const strays = sent.flatMap(({ proxy, statements, perhapsAnnotated }) =>
    statements.flatMap((statement) => {
      const tables = namedIn(statement.statement, catalogue.tables).map(({ table }) => table);
      const orgPredicate = hasOrgPredicate(statement.statement, catalogue.tables);
      if (tables.length === 0 || (orgPredicate && perhapsAnnotated)) return [];
      return [{ proxy, tables, orgPredicate, ...statement }];
    }),
  );
  return [...Map.groupBy(strays, ({ user, digest }) => `${user} ${digest}`).values()].map((seen): Finding => {
    const [{ user, digest, statement, tables, orgPredicate }] = seen as [(typeof strays)[number]];
    const declared = catalogue.declared.find((one) => isDeclared(one, { user, digest, statement }));
    const shown = statement.slice(0, shownAtMost);
    return {
      code: orgPredicate ? 'STATEMENT_NOT_ROUTED' : 'STATEMENT_WITHOUT_ORG',
      severity: declared === undefined ? 'refuse' : 'warn',
      message: orgPredicate
        ? `user ${user} sends statements of single orgs on ${tables.join(', ')} by nothing that proxies route by: ${shown}`
        : `user ${user} sends statements without an org on ${tables.join(', ')}: ${shown}`,
      remedy:
        'Have the job go org by org, as each org’s own clients do, or stop it; then declare it in catalogue.declared with what was done.',
      evidence: {
        user,
        digest,
        statement: shown,
        tables,
        schemas: [...new Set(seen.map(({ schema }) => schema))],
        seen: Object.fromEntries(
          [...Map.groupBy(seen, ({ proxy }) => proxy)].map(([proxy, at]) => [
            proxy,
            at.reduce((sum, { count }) => sum + count, 0),
          ]),
        ),
        ...(declared === undefined ? {} : { declaredRemedy: declared.remedy }),
      },
    };
  });
}

function isDeclared(
  declared: DeclaredStatement,
  { user, digest, statement }: Pick<SentStatement, 'user' | 'digest' | 'statement'>,
): boolean {
  if (declared.user !== user) return false;
  const plain = (text: string) => text.replace(/\s+/g, ' ').trim().toLowerCase();
  return plain(declared.statement) === plain(digest) || plain(declared.statement) === plain(statement);
}
