import { nameOf } from '../catalogue/catalogue.ts';
import { clusterOf } from '../estate/estate.ts';
import type { Finding } from '../ports/finding.ts';
import type { Place, PrepareRefusal } from '../ports/place.ts';
import type { SentStatement } from '../ports/routing.ts';
import type { Check } from './finding.ts';
import { namedIn } from './orgPredicate.ts';
import { type Preparable, preparableFrom } from './preparable.ts';

/** Forms that are prepared, the most frequent first, and those that a finding shows. */
const preparedAtMost = 500;
const shownAtMost = 5;
/** The controller's account may not do there what the org's may: that says nothing. */
const denied: readonly number[] = [1044, 1142, 1143, 1227, 1370];

/** A form with what is to be shown of it. */
interface Form extends Preparable {
  readonly digest: string;
  readonly shown: string;
}

/**
 * The org's statements, as the proxies have them: none is about a tech table and a table of the org's at once, and the
 * cluster takes each of them. They are prepared and never run. What the site does not take either is no finding: its
 * form was made from a digest, or it never worked.
 */
export const statementFindings: Check = async (estate, { orgId, homeRegion }) => {
  const { catalogue, routing, sites } = estate;
  await routing.refresh();
  const named = [...catalogue.tables, ...catalogue.techTables];
  const sent = (await Promise.all(routing.proxies.map((proxy) => proxy.statementsOf({ orgId }, named)))).flat();
  if (sent.length === 0) {
    return [
      {
        code: 'STATEMENTS_NOT_SEEN',
        severity: 'warn',
        message: `no proxy has seen a statement of org ${orgId}: nothing is known of what the cluster makes of them`,
        remedy: 'Run preflight while the clients work.',
        evidence: { orgId, proxies: routing.proxies.map(({ name }) => name) },
      },
    ];
  }
  const onTech = (statement: SentStatement) => namedIn(statement.statement, catalogue.techTables);
  const joined = sent.filter((each) => onTech(each).length > 0 && namedIn(each.statement, catalogue.tables).length > 0);
  const forms = formsOf(sent.filter((each) => onTech(each).length === 0));
  return [
    ...[...Map.groupBy(joined, ({ digest }) => digest).values()].map(([first]) => {
      const { digest, shown, statement } = first as SentStatement;
      return joinedFinding(
        digest,
        shown,
        [...namedIn(statement, catalogue.techTables), ...namedIn(statement, catalogue.tables)].map(nameOf),
      );
    }),
    ...(await preparedFindings(forms, sites[0], clusterOf(estate, homeRegion))),
  ];
};

function joinedFinding(digest: string, shown: string, tables: readonly string[]): Finding {
  return {
    code: 'TECH_TABLE_JOINED',
    severity: 'refuse',
    message: `a statement of the org’s names ${tables.join(' and ')}: no side has both once the org has moved: ${shown}`,
    remedy: 'Have the client ask for them one after the other; the proxies lead each to its side.',
    evidence: { digest, statement: shown, tables },
  };
}

/** Each form once, the most frequent first; as its client prepares it where that is known. */
function formsOf(sent: readonly SentStatement[]): readonly Form[] {
  const forms = new Map<string, Form>();
  for (const each of sent.toSorted((one, other) => other.count - one.count)) {
    const form = preparableFrom(each);
    const key = `${each.schema} ${each.digest}`;
    if (form === null || (forms.has(key) && !form.exact)) continue;
    forms.set(key, { ...form, digest: each.digest, shown: each.shown });
  }
  return [...forms.values()].slice(0, preparedAtMost);
}

async function preparedFindings(forms: readonly Form[], site: Place, cluster: Place): Promise<Finding[]> {
  if (forms.length === 0) return [];
  const there = await cluster.tryToPrepare(forms);
  const refused = forms.flatMap((form, index) => {
    const refusal = there[index] ?? null;
    return refusal === null ? [] : [{ form, refusal }];
  });
  if (refused.length === 0) return [];
  const here = await site.tryToPrepare(refused.map(({ form }) => form));
  const failing = refused.filter(({ refusal }, index) => here[index] === null && !denied.includes(refusal.errno));
  const unproven = refused.filter((each) => !failing.includes(each));
  return [
    ...failing.map(({ form, refusal }) => failingFinding(form, refusal, site.name, cluster.name)),
    ...(unproven.length === 0
      ? []
      : [
          {
            code: 'STATEMENTS_NOT_PROVEN',
            severity: 'warn' as const,
            message: `of ${forms.length} forms of the org’s statements ${unproven.length} could not be tried at ${cluster.name}: their digests have lost too much, or the controller’s account may not`,
            remedy: 'Try them there by hand, as the org’s user.',
            evidence: {
              cluster: cluster.name,
              statements: unproven
                .slice(0, shownAtMost)
                .map(({ form, refusal }) => ({ digest: form.digest, statement: form.shown, errno: refusal.errno })),
            },
          },
        ]),
  ];
}

function failingFinding(
  { digest, shown, schema }: Form,
  refusal: PrepareRefusal,
  site: string,
  cluster: string,
): Finding {
  return {
    code: 'STATEMENT_FAILS_AT_CLUSTER',
    severity: 'refuse',
    message: `${cluster} does not take a statement of the org’s that ${site} takes (error ${refusal.errno}): ${shown}`,
    remedy: 'Change the statement, or what it needs at the cluster, until both sides take it.',
    evidence: { site, cluster, schema, digest, statement: shown, errno: refusal.errno, says: refusal.message },
  };
}
