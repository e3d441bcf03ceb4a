/** How orgs are told apart. */
export type Way = 'user' | 'schema' | 'comment';

/** What connections of an org have in common, and what its statements begin with. */
export const userOf = (way: Way, orgId: number) => (way === 'user' ? `org${orgId}` : 'app');
export const schemaOf = (way: Way, orgId: number) => (way === 'schema' ? `BigDB_${orgId}` : 'BigDB');
export const annotationOf = (way: Way, orgId: number) => (way === 'comment' ? `/* OrgID=${orgId} */ ` : '');

/** Orgs in one alternation: a pattern has a largest size, and a change of one writes it whole. */
const orgsPerAlternation = 2_500;
const rowsAtOnce = 1_000;
const firstRuleId = 10_000;
const sentinelRuleId = 2_000_000_000;
/** What a proxy takes for the schema of a connection without one. */
const noSchema = 'information_schema';

/**
 * Statements that make a proxy lead these orgs to the hostgroup as settled ones are led: a row of fast routing for each
 * user or schema behind the sentinel that keeps it in use, or the annotations as alternatives of one rule for many.
 */
export function settledRoutes(way: Way, orgIds: readonly number[], hostgroup: number): string[] {
  const sentinel = `INSERT INTO mysql_query_rules (rule_id, active, username, apply, comment)
    VALUES (${sentinelRuleId}, 1, 'bigdb-cutover-nobody', 0, 'keeps fast routing in use')`;
  if (way === 'comment') return [...inChunks(orgIds, orgsPerAlternation).map(alternation), sentinel];
  const rows = orgIds.flatMap((orgId) => {
    if (way === 'schema') return [`('', '${schemaOf(way, orgId)}', 0, ${hostgroup}, 'org ${orgId}')`];
    const schemas = [schemaOf(way, orgId), noSchema];
    return schemas.map((schema) => `('${userOf(way, orgId)}', '${schema}', 0, ${hostgroup}, 'org ${orgId}')`);
  });
  const columns = 'username, schemaname, flagIN, destination_hostgroup, comment';
  const inserts = inChunks(rows, rowsAtOnce).map(
    (chunk) => `INSERT INTO mysql_query_rules_fast_routing (${columns}) VALUES ${chunk.join(', ')}`,
  );
  return [...inserts, sentinel];

  function alternation(orgs: readonly number[], index: number): string {
    return `INSERT INTO mysql_query_rules (rule_id, active, match_pattern, destination_hostgroup, apply, comment)
      VALUES (${firstRuleId + index}, 1, '^\\s*/\\* OrgID=(?:${orgs.join('|')}) \\*/', ${hostgroup}, 1, 'settled orgs')`;
  }
}

function inChunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, n) => list.slice(n * size, (n + 1) * size));
}
