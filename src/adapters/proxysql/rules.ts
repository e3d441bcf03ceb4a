import type { Route, RouteOwner, RouteState, Sharing } from '../../ports/routing.ts';
import { hostgroupsOf, matchOf, type RoutingConfig } from './config.ts';

/**
 * The org's two rules as data. `read` catches plain reads, `write` everything that gets past it. Both carry the same
 * comment, and every change of the pair is one statement.
 */
export interface RulePair {
  readonly read: Rule;
  readonly write: Rule;
}

/** The columns of mysql_query_rules that are ours to set. */
export interface Rule {
  readonly ruleId: number;
  readonly active: 0 | 1;
  readonly username: string | null;
  readonly schemaname: string | null;
  readonly matchDigest: string | null;
  readonly matchPattern: string | null;
  readonly destinationHostgroup: number;
}

/**
 * Words that make a SELECT more than a plain read: it locks, writes a file or a variable, or carries a second
 * statement. Needs PCRE (`mysql-query_processor_regex=1`, the default).
 */
const notPlain = ';|FOR UPDATE|FOR SHARE|LOCK IN SHARE MODE|GET_LOCK|RELEASE_LOCK|RELEASE_ALL_LOCKS|\\bINTO\\b|:=';
export const plainRead = `^SELECT (?!.*(${notPlain}))`;
export const notPlainRead = `^(?!SELECT (?!.*(${notPlain})))`;

const plainReadRegex = new RegExp(plainRead, 'is');

/** Whether a statement, as the process list shows it, is a plain read: comments in front of it do not count. */
export function isPlainRead(statement: string): boolean {
  return plainReadRegex.test(statement.replace(/^(\s|\/\*.*?\*\/)+/s, '').replace(/\s+/g, ' '));
}

/** Whether the range goes as far as this slot, and leaves its end to the rules that orgs share. */
export function hasRuleIds(config: Pick<RoutingConfig, 'by' | 'ruleIds'>, slot: number): boolean {
  return config.ruleIds.from + slot * 2 - 1 <= config.ruleIds.to - 2 * sharedPairs(config);
}

/** Rule ids of a slot: two of the range. */
export function ruleIdsOf(config: RoutingConfig, slot: number): { read: number; write: number } {
  const read = config.ruleIds.from + (slot - 1) * 2;
  if (!hasRuleIds(config, slot)) {
    const { from, to } = config.ruleIds;
    throw new RangeError(`slot ${slot} lies outside the configured rule ids ${from} to ${to}`);
  }
  return { read, write: read + 1 };
}

/** Pairs of rules, at the end of the range, that many orgs share: one sixty-fourth of it. Only a comment needs them. */
export function sharedPairs({ by, ruleIds }: Pick<RoutingConfig, 'by' | 'ruleIds'>): number {
  return by === 'comment' ? Math.floor((ruleIds.to - ruleIds.from + 1) / 128) : 0;
}

/** Slot that a rule of ours belongs to. */
export function slotOf(config: RoutingConfig, ruleId: number): number {
  return Math.floor((ruleId - config.ruleIds.from) / 2) + 1;
}

/** What the two rules have to be for a route. */
export function rulesFor(
  config: RoutingConfig,
  owner: Pick<RouteOwner, 'orgId' | 'slot' | 'homeRegion'>,
  route: Route,
): RulePair {
  const ids = ruleIdsOf(config, owner.slot);
  const match = matchOf(config, owner.orgId);
  const source = hostgroupsOf(config, 'source', owner.homeRegion);
  const off = (ruleId: number): Rule => ({
    ruleId,
    active: 0,
    ...match,
    matchDigest: null,
    destinationHostgroup: source.writerHostgroup,
  });
  const on = (ruleId: number, matchDigest: string | null, destinationHostgroup: number): Rule => ({
    ruleId,
    active: 1,
    ...match,
    matchDigest,
    destinationHostgroup,
  });
  switch (route.kind) {
    case 'source':
      // The rules that were there before route the org to the source, a read/write split too.
      return { read: off(ids.read), write: off(ids.write) };
    case 'cluster': {
      const cluster = hostgroupsOf(config, 'cluster', owner.homeRegion);
      return {
        read: cluster.readerHostgroup === undefined ? off(ids.read) : on(ids.read, plainRead, cluster.readerHostgroup),
        write: on(ids.write, null, cluster.writerHostgroup),
      };
    }
    case 'held': {
      if (route.serving === 'source')
        return { read: off(ids.read), write: on(ids.write, notPlainRead, route.holdHostgroup) };
      const cluster = hostgroupsOf(config, 'cluster', owner.homeRegion);
      return {
        read: on(ids.read, plainRead, cluster.readerHostgroup ?? cluster.writerHostgroup),
        write: on(ids.write, null, route.holdHostgroup),
      };
    }
    case 'parked':
      return { read: off(ids.read), write: on(ids.write, null, route.holdHostgroup) };
  }
}

/** The comment that both rules carry: whose they are and what they say, complete enough to read a route back from it. */
export function commentFor(owner: RouteOwner, step: string, route: Route): string {
  const held =
    route.kind === 'held' || route.kind === 'parked' ? ` serving=${route.serving} hold=${route.holdHostgroup}` : '';
  return `bigdb-cutover org=${owner.orgId} epoch=${owner.epoch} attempt=${owner.attempt} step=${step} state=${route.kind}${held}`;
}

/**
 * Comment of rules that rest because a shared route sends the org to its cluster. They stay in the table, inactive:
 * what is delayed finds nothing to match, and what gives the org its own rules back has something to compare with.
 */
export function settledComment({ orgId, epoch, attempt }: RouteOwner): string {
  return `bigdb-cutover org=${orgId} epoch=${epoch} attempt=${attempt} step=settle state=settled`;
}

/** How an org is led, by the comment of its rules. No shared route ever has an org whose comment says `own`. */
export function sharingOf(comment: string | null): Sharing {
  if (comment === null) return 'own';
  if (/^bigdb-cutover org=\d+ .* state=settled$/.test(comment)) return 'shared';
  return /^bigdb-cutover org=\d+ .* step=(share|unshare) state=cluster$/.test(comment) ? 'both' : 'own';
}

/** The same as a condition on a column. */
export function saysShared(column: string): string {
  const ends = [' state=settled', ' step=share state=cluster', ' step=unshare state=cluster'];
  return `(${column} LIKE 'bigdb-cutover org=%' AND (${ends.map((end) => `${column} LIKE '%${end}'`).join(' OR ')}))`;
}

/** Reads a comment back. Nothing but a comment of ours has a route. */
export function parseComment(comment: string | null): RouteState {
  const found = comment?.match(
    /^bigdb-cutover org=\d+ epoch=(\d+) attempt=(\d+) step=[\w-]+ state=(source|cluster|settled|held|parked)(?: serving=(source|cluster) hold=(\d+))?$/,
  );
  if (!found) return { comment, route: null, epoch: 0, attempt: 0 };
  const [, epoch, attempt, kind, serving, hold] = found;
  const route: Route =
    kind === 'held' || kind === 'parked'
      ? { kind, serving: serving as 'source' | 'cluster', holdHostgroup: Number(hold) }
      : { kind: kind === 'source' ? 'source' : 'cluster' };
  return { comment, route, epoch: Number(epoch), attempt: Number(attempt) };
}
