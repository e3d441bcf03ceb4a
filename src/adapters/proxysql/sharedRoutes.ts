import { z } from 'zod';
import { partOf, type SettledOrg } from '../../ports/routing.ts';
import { type AdminSession, literal } from './admin.ts';
import { orgsOfAlternation, type SharedPair, sharedPair, sharedRuleIds } from './alternation.ts';
import { hostgroupsOf, matchOf, type RoutingConfig } from './config.ts';
import { insertPair, isRule, type RuleRow, ruleColumns, ruleRow, updatePair } from './ruleText.ts';

/** Which orgs a shared route has, and which of them it leads to the hostgroup of their cluster, wholly. */
export interface SharedMembers {
  readonly any: ReadonlySet<number>;
  /** By org, its home region. */
  readonly whole: ReadonlyMap<number, string>;
}

/** Routes that many orgs share at one proxy. Every change is one statement, on condition of the comments of the orgs' own rules. */
export interface SharedRoutes {
  read(layer: 'memory' | 'runtime', signal?: AbortSignal): Promise<SharedMembers>;
  /** Puts in those whose own rules have exactly the comment given with them. */
  add(orgs: readonly Conditioned[], signal?: AbortSignal): Promise<void>;
  /** A condition that holds while memory has the org, wholly put in. */
  has(org: SettledOrg): string;
  /** Takes out the org, if its own rules have exactly this comment. */
  remove(orgId: number, comment: string, signal?: AbortSignal): Promise<void>;
}

/** An org, and what the comment of its own rules has to be. */
export interface Conditioned {
  readonly org: SettledOrg;
  readonly comment: string;
}

export function sharedRoutes(admin: AdminSession, routing: RoutingConfig): SharedRoutes {
  return routing.by === 'comment' ? alternations(admin, routing) : fastRouting(admin, routing);
}

/** What ProxySQL has as the schema of a connection without one. */
export const noSchema = 'information_schema';

/** Every (user, schema) by which fast routing has to know the org: what its own rules match, in rows. */
export function fastKeys(routing: RoutingConfig, orgId: number): { username: string; schemaname: string }[] {
  const { username, schemaname } = matchOf(routing, orgId);
  // Without a user a row serves every user of the schema.
  if (username === null) return [{ username: '', schemaname: schemaname ?? '' }];
  return [...new Set([...(routing.schemas ?? []), noSchema])].map((schema) => ({ username, schemaname: schema }));
}

const fastTable = 'mysql_query_rules_fast_routing';
/** Rows of fast routing that are ours. */
export const isOwnFast = `comment LIKE 'bigdb-cutover org=%'`;
const fastComment = (orgId: number, homeRegion: string) => `bigdb-cutover org=${orgId} home=${homeRegion}`;

const fastRow = z.object({
  username: z.string(),
  schemaname: z.string(),
  hostgroup: z.coerce.number(),
  comment: z.string(),
});

function fastRouting(admin: AdminSession, routing: RoutingConfig): SharedRoutes {
  return {
    async read(layer, signal) {
      const rows = await admin.rows(
        `SELECT username, schemaname, destination_hostgroup AS hostgroup, comment
           FROM ${layer === 'runtime' ? 'runtime_' : ''}${fastTable} WHERE flagIN = 0 AND ${isOwnFast}`,
        signal,
      );
      const byComment = Map.groupBy(
        rows.map((row) => fastRow.parse(row)),
        ({ comment }) => comment,
      );
      const any = new Set<number>();
      const whole = new Map<number, string>();
      for (const [comment, found] of byComment) {
        const [, org, homeRegion = ''] = /^bigdb-cutover org=(\d+) home=(.+)$/.exec(comment) ?? [];
        if (org === undefined) continue;
        any.add(Number(org));
        const { [homeRegion]: cluster } = routing.clusters;
        const leads = ({ username, schemaname }: { username: string; schemaname: string }) =>
          found.some(
            (row) =>
              row.username === username && row.schemaname === schemaname && row.hostgroup === cluster?.writerHostgroup,
          );
        const keys = fastKeys(routing, Number(org));
        if (found.length === keys.length && keys.every(leads)) whole.set(Number(org), homeRegion);
      }
      return { any, whole };
    },

    async add(orgs, signal) {
      const rows = orgs.flatMap(({ org, comment }) => {
        const { writerHostgroup } = hostgroupsOf(routing, 'cluster', org.homeRegion);
        return fastKeys(routing, org.orgId).map(({ username, schemaname }) =>
          [username, schemaname, writerHostgroup, fastComment(org.orgId, org.homeRegion), comment].map(literal),
        );
      });
      // A row of somebody else with this key stays as it is: the org is then not found whole, and keeps its own rules.
      await admin.write(
        `INSERT OR IGNORE INTO ${fastTable} (username, schemaname, flagIN, destination_hostgroup, comment)
         SELECT column1, column2, 0, column3, column4 FROM (VALUES ${rows.map((row) => `(${row.join(', ')})`).join(', ')})
          WHERE column5 IN (SELECT comment FROM mysql_query_rules WHERE ${isRuleOf(routing)})`,
        signal,
      );
    },

    has({ orgId, homeRegion }) {
      // All rows of an org come and go in one statement.
      const { username = '', schemaname = '' } = fastKeys(routing, orgId)[0] ?? {};
      return `EXISTS (SELECT 1 FROM ${fastTable} WHERE username = ${literal(username)} AND schemaname = ${literal(schemaname)}
                AND flagIN = 0 AND comment = ${literal(fastComment(orgId, homeRegion))})`;
    },

    async remove(orgId, comment, signal) {
      await admin.write(
        `DELETE FROM ${fastTable} WHERE comment LIKE 'bigdb-cutover org=${orgId} home=%' AND ${stillSays(routing, [comment])}`,
        signal,
      );
    },
  };
}

const sharedComment = /^bigdb-cutover shared region=(\S+) part=(\d+) /;

/** A pair as it stands in a layer. */
interface FoundPair {
  readonly homeRegion: string;
  readonly part: number;
  readonly ids: { readonly read: number; readonly write: number };
  readonly orgs: readonly number[];
  readonly comment: string;
  /** Everything in it is what its orgs make it. */
  readonly whole: boolean;
}

function alternations(admin: AdminSession, routing: RoutingConfig): SharedRoutes {
  const { from, to } = routing.ruleIds;

  const readPairs = async (layer: 'memory' | 'runtime', signal?: AbortSignal): Promise<FoundPair[]> => {
    const rows = await admin.rows(
      `SELECT ${ruleColumns} FROM ${layer === 'runtime' ? 'runtime_' : ''}mysql_query_rules
        WHERE rule_id BETWEEN ${from} AND ${to} AND comment LIKE 'bigdb-cutover shared %'`,
      signal,
    );
    const byPlace = Map.groupBy(
      rows.map((row) => ruleRow.parse(row)),
      ({ comment }) => sharedComment.exec(comment ?? '')?.[0] ?? '',
    );
    return [...byPlace].flatMap(([place, found]) => {
      const [, homeRegion, part] = sharedComment.exec(place) ?? [];
      const [first] = found;
      if (homeRegion === undefined || first === undefined) return [];
      // Two rules for each pair, the one for writes with the even distance to the end.
      const write = first.rule_id + ((to - first.rule_id) % 2);
      const ids = { read: write - 1, write };
      const orgs = [...new Set(found.flatMap((row) => orgsOfAlternation(routing, row.match_pattern ?? '') ?? []))];
      const wanted = sharedPair(routing, { homeRegion, part: Number(part), ids }, orgs);
      const whole = isPair(found, wanted, layer);
      return [{ homeRegion, part: Number(part), ids, orgs, comment: first.comment ?? '', whole }];
    });
  };

  /** Makes the pair lead exactly these orgs, from what was found of it, while the orgs' own rules say what they said. */
  const write = async (
    found: FoundPair | null,
    wanted: SharedPair,
    comments: readonly string[],
    signal?: AbortSignal,
  ) => {
    const condition = stillSays(routing, comments);
    await admin.write(
      found === null
        ? insertPair(wanted, wanted.comment, condition)
        : updatePair(wanted, wanted.comment, found.comment, condition),
      signal,
    );
  };

  return {
    async read(layer, signal) {
      const pairs = await readPairs(layer, signal);
      return {
        any: new Set(pairs.flatMap(({ orgs }) => orgs)),
        whole: new Map(
          pairs
            .filter(({ whole }) => whole)
            .flatMap(({ orgs, homeRegion }) => orgs.map((org): [number, string] => [org, homeRegion])),
        ),
      };
    },

    async add(orgs, signal) {
      const there = await readPairs('memory', signal);
      const byPlace = Map.groupBy(orgs, ({ org }) => `${org.homeRegion} ${partOf(org.slot)}`);
      for (const joining of byPlace.values()) {
        const [one] = joining;
        const ids = one === undefined ? null : sharedRuleIds(routing, one.org.sharedPair);
        if (one === undefined || ids === null) continue;
        const { homeRegion, slot } = one.org;
        const place = { homeRegion, part: partOf(slot), ids };
        const found = there.find((pair) => pair.homeRegion === homeRegion && pair.part === place.part) ?? null;
        const members = new Set([...(found?.orgs ?? []), ...joining.map(({ org }) => org.orgId)]);
        const comments = joining.map(({ comment }) => comment);
        await write(found, sharedPair(routing, place, members), comments, signal);
      }
    },

    has({ orgId, sharedPair }) {
      const ids = sharedRuleIds(routing, sharedPair);
      if (ids === null) return '1 = 0';
      return `EXISTS (SELECT 1 FROM mysql_query_rules AS shared WHERE shared.rule_id = ${ids.write}
                AND shared.active = 1 AND instr(shared.match_pattern, '|${orgId}|') > 0)`;
    },

    async remove(orgId, comment, signal) {
      const found = (await readPairs('memory', signal)).filter(({ orgs }) => orgs.includes(orgId));
      for (const pair of found) {
        const members = pair.orgs.filter((other) => other !== orgId);
        await write(pair, sharedPair(routing, pair, members), [comment], signal);
      }
    },
  };
}

/** Whether the rows are what the pair has to be; the runtime has active ones only. */
function isPair(found: readonly RuleRow[], wanted: SharedPair, layer: 'memory' | 'runtime'): boolean {
  const rules = [wanted.read, wanted.write].filter(({ active }) => layer === 'memory' || active === 1);
  return (
    found.length === rules.length &&
    rules.every((rule) =>
      found.some((row) => isRule(row, rule) && row.active === rule.active && row.comment === wanted.comment),
    )
  );
}

const isRuleOf = ({ ruleIds }: RoutingConfig) => `rule_id BETWEEN ${ruleIds.from} AND ${ruleIds.to}`;

/** Every one of these comments stands on both rules of its org. */
function stillSays(routing: RoutingConfig, comments: readonly string[]): string {
  const list = comments.map(literal).join(', ');
  return `(SELECT COUNT(*) FROM mysql_query_rules AS own WHERE own.${isRuleOf(routing)} AND own.comment IN (${list})) = ${2 * comments.length}`;
}
