import { nameOf, schemasOf } from '../../../catalogue/catalogue.ts';
import type { Finding } from '../../../ports/finding.ts';
import type { SentStatement } from '../../../ports/routing.ts';
import { statementsOf } from '../sentStatements.ts';
import type { ProxyFindingsInput } from './input.ts';
import { type Catches, catches, type ForeignRule, foreignRule, foreignRuleColumns, mayConcern } from './ruleMatch.ts';
import { orgSamples, techSamples } from './samples.ts';

/**
 * Rules that come before the controller's own. One that ends the search for the org's queries would keep them where it
 * sends them, whatever a flip publishes; one that caches answers from the old side after it. Only what belongs to tech
 * tables has to be caught there, and led to the source.
 */
export async function ruleFindings(input: ProxyFindingsInput): Promise<Finding[]> {
  const { admin, routing, match, catalogue, signal } = input;
  const rows = await admin.rows(
    `SELECT ${foreignRuleColumns} FROM runtime_mysql_query_rules
      WHERE active = 1 AND rule_id < ${routing.ruleIds.from} ORDER BY rule_id`,
    signal,
  );
  const before = rows
    .map((row) => foreignRule.parse(row))
    .filter((rule) => mayConcern(rule, match, schemasOf(catalogue)));
  const sent = await statementsOf(admin, routing, input.org, catalogue.techTables, signal);
  return [...before.flatMap((rule) => judged(rule, input)), ...techFindings(before, sent, input)];
}

function judged(rule: ForeignRule, { proxy, routing, org, catalogue }: ProxyFindingsInput): Finding[] {
  const tried = orgSamples(routing, org.orgId, catalogue.tables).map((sample) => ({
    sample,
    caught: catches(rule, sample),
  }));
  const worst = tried.find(({ caught }) => caught === 'yes') ?? tried.find(({ caught }) => caught === 'perhaps');
  if (worst === undefined) return [];
  const { caught, sample } = worst;
  const evidence = {
    proxy,
    ruleId: rule.rule_id,
    comment: rule.comment,
    pattern: rule.match_digest ?? rule.match_pattern ?? rule.digest,
    destinationHostgroup: rule.destination_hostgroup,
    statement: sample.digest,
  };
  const found: Finding[] = [];
  if (endsSearch(rule)) {
    found.push({
      code: 'PROXY_RULE_FIRST',
      severity: severityOf(caught),
      message: `proxy ${proxy}: rule ${rule.rule_id} comes before the controller’s and ${caught === 'yes' ? 'catches' : 'may catch'} the org’s ${sample.digest}`,
      remedy: 'Give the rule a number above routing.ruleIds, or take it out, on every instance.',
      evidence,
    });
  }
  if (rule.cache_ttl !== null && rule.cache_ttl > 0) {
    found.push({
      code: 'PROXY_RULE_CACHES',
      severity: severityOf(caught),
      message: `proxy ${proxy}: rule ${rule.rule_id} answers the org’s reads from a cache for ${rule.cache_ttl} ms, also after a flip`,
      remedy: 'Take cache_ttl out of the rule on every instance, or have it match other tables only.',
      evidence: { ...evidence, cacheTtlMs: rule.cache_ttl },
    });
  }
  return found;
}

/** What comes after such a rule is not asked any more, or is asked under another flag. */
const endsSearch = (rule: ForeignRule): boolean =>
  (rule.apply === 1 && rule.cache_ttl === null) ||
  (rule.apply === 1 && rule.destination_hostgroup !== null) ||
  rule.flagOUT !== null ||
  // The session's next query begins under that flag, where none of the controller's rules is.
  (rule.next_query_flagIN !== null && rule.next_query_flagIN !== 0) ||
  rule.error_msg !== null ||
  rule.OK_msg !== null;

const severityOf = (caught: Catches): Finding['severity'] => (caught === 'yes' ? 'refuse' : 'warn');

/** The usual forms on a tech table, and those that the org was seen with. */
function techFindings(
  before: readonly ForeignRule[],
  sent: readonly SentStatement[],
  { proxy, routing, org, catalogue }: ProxyFindingsInput,
) {
  const { writerHostgroup, readerHostgroup } = routing.source;
  const keeps = before.filter(
    ({ apply, destination_hostgroup: to }) =>
      apply === 1 && (to === writerHostgroup || (to !== null && to === readerHostgroup)),
  );
  return catalogue.techTables.flatMap((table): Finding[] => {
    const seen = sent
      .filter(({ statement }) => new RegExp(`\\b${table.table.replace(/\$/g, '\\$')}\\b`, 'i').test(statement))
      .map(({ statement }) => ({ sql: statement, digest: statement }));
    const loose = [...techSamples(routing, org.orgId, table), ...seen].find(
      (sample) => !keeps.some((rule) => catches(rule, sample) !== 'no'),
    );
    if (loose === undefined) return [];
    return [
      {
        code: 'TECH_TABLE_FOLLOWS_ORG',
        severity: 'refuse',
        message: `proxy ${proxy}: no rule before the controller’s keeps ${nameOf(table)} at the source: the org’s ${loose.digest} would follow it to the cluster`,
        remedy:
          'Make a rule with a number below routing.ruleIds, apply=1, that leads statements on the table to the source.',
        evidence: { proxy, table: nameOf(table), statement: loose.digest },
      },
    ];
  });
}
