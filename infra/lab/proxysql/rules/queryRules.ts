import { digestHash, type QueryDigest } from './digest.ts';
import type { FastRouteRow, RuleRow } from './ruleRow.ts';

/** Who asks, as far as rules look at it. */
export interface RuleSubject {
  readonly user: string;
  readonly schema: string;
  readonly clientAddress: string;
  readonly proxyPort: number;
}

/** What the rules say about a query; undefined where no rule said anything. */
export interface Verdict {
  destinationHostgroup: number | undefined;
  cacheTtlMs: number | undefined;
  retries: number | undefined;
  delayMs: number | undefined;
  nextFlagIn: number | undefined;
  errorMessage: string | undefined;
  okMessage: string | undefined;
  multiplex: number | undefined;
  newQuery: string | undefined;
}

interface CompiledRule {
  readonly row: RuleRow;
  readonly username: string;
  readonly schemaname: string;
  readonly digest: string | undefined;
  readonly matchDigest: RegExp | undefined;
  readonly matchPattern: RegExp | undefined;
  /** What a statement must begin with to match `matchPattern`, in lower case: most rules are out without a regex. */
  readonly prefix: string;
  readonly negate: boolean;
  hits: number;
}

/** Separates the parts of a fast-routing key; occurs in no name. */
const SEPARATOR = '\0';

/** The rules of the runtime, ready to be asked at every query. Replaced as a whole by a LOAD. */
export class QueryRules {
  readonly #rules: CompiledRule[];
  readonly #fastRoutes = new Map<string, number>();

  /** @param rows the active rules in the order of rule_id */
  constructor(rows: readonly RuleRow[] = [], fastRoutes: readonly FastRouteRow[] = []) {
    this.#rules = rows.map(compile);
    for (const route of fastRoutes) {
      this.#fastRoutes.set(
        route.username + SEPARATOR + route.schemaname + SEPARATOR + route.flagIN,
        route.destination_hostgroup,
      );
    }
  }

  /** rule_id and number of matches since the LOAD. */
  *hits(): Generator<readonly [number, number]> {
    for (const rule of this.#rules) yield [rule.row.rule_id, rule.hits];
  }

  /**
   * Runs a query past the rules.
   *
   * Fast routing is asked only when the rule that was looked at last, whether it matched or not, has apply=0: with
   * apply=1 in the last active rule of the table it is skipped for everybody. That is how ProxySQL behaves.
   *
   * @param sql the statement, one character a byte
   * @param flagIn 0, or what `next_query_flagIN` of the query before said
   */
  process(subject: RuleSubject, sql: string, digest: SeenDigest, flagIn: number): Verdict {
    const verdict: Verdict = {
      destinationHostgroup: undefined,
      cacheTtlMs: undefined,
      retries: undefined,
      delayMs: undefined,
      nextFlagIn: undefined,
      errorMessage: undefined,
      okMessage: undefined,
      multiplex: undefined,
      newQuery: undefined,
    };
    let flag = flagIn;
    let last: CompiledRule | undefined;
    const head = sql.slice(0, PREFIX_LENGTH).toLowerCase();
    for (const rule of this.#rules) {
      last = rule;
      if (rule.row.flagIN !== flag || !matches(rule, subject, verdict.newQuery ?? sql, head, digest)) continue;
      rule.hits++;
      take(rule.row, verdict);
      if (rule.row.replace_pattern !== null && rule.matchPattern !== undefined) {
        verdict.newQuery = (verdict.newQuery ?? sql).replace(
          rule.matchPattern,
          jsReplacement(rule.row.replace_pattern),
        );
      }
      if (rule.row.flagOUT !== null) flag = rule.row.flagOUT;
      if (rule.row.apply === 1) break;
    }
    if (last === undefined || last.row.apply === 0) {
      const tail = SEPARATOR + subject.schema + SEPARATOR + flag;
      const route = this.#fastRoutes.get(subject.user + tail) ?? this.#fastRoutes.get(tail);
      if (route !== undefined) verdict.destinationHostgroup = route;
    }
    if (digest.firstComment !== '') takeComment(digest.firstComment, verdict);
    return verdict;
  }
}

/** Without a text (mysql-query_digests=false) a rule by digest matches whatever comes. */
export type SeenDigest = Pick<QueryDigest, 'firstComment'> & { readonly text: string | null };

function matches(rule: CompiledRule, subject: RuleSubject, sql: string, head: string, digest: SeenDigest): boolean {
  if (rule.username !== '' && rule.username !== subject.user) return false;
  if (rule.schemaname !== '' && rule.schemaname !== subject.schema) return false;
  if (rule.row.client_addr && !addressMatches(rule.row.client_addr, subject.clientAddress)) return false;
  if (rule.row.proxy_port !== null && rule.row.proxy_port !== subject.proxyPort) return false;
  if (digest.text !== null) {
    if (rule.digest !== undefined && rule.digest !== digestHash(digest.text)) return false;
    if (rule.matchDigest !== undefined && rule.matchDigest.test(digest.text) === rule.negate) return false;
  }
  if (rule.prefix !== '' && !head.startsWith(rule.prefix)) return false;
  if (rule.matchPattern !== undefined && rule.matchPattern.test(sql) === rule.negate) return false;
  return true;
}

function take(row: RuleRow, verdict: Verdict): void {
  if (row.destination_hostgroup !== null && row.destination_hostgroup >= 0) {
    verdict.destinationHostgroup = row.destination_hostgroup;
  }
  if (row.cache_ttl !== null) verdict.cacheTtlMs = row.cache_ttl;
  if (row.retries !== null) verdict.retries = row.retries;
  if (row.delay !== null) verdict.delayMs = row.delay;
  if (row.next_query_flagIN !== null) verdict.nextFlagIn = row.next_query_flagIN;
  if (row.error_msg !== null) verdict.errorMessage = row.error_msg;
  if (row.OK_msg !== null) verdict.okMessage = row.OK_msg;
  if (row.multiplex !== null) verdict.multiplex = row.multiplex;
}

/** `hostgroup=7;cache_ttl=100` in a first comment overrides the rules. */
function takeComment(comment: string, verdict: Verdict): void {
  for (const part of comment.split(';')) {
    const [key, value] = part.split('=', 2).map((text) => text.trim());
    if (key === 'hostgroup' && /^\d+$/.test(value ?? '')) verdict.destinationHostgroup = Number(value);
    else if (key === 'cache_ttl' && /^\d+$/.test(value ?? '')) verdict.cacheTtlMs = Number(value);
  }
}

function addressMatches(pattern: string, address: string): boolean {
  return pattern.endsWith('%') ? address.startsWith(pattern.slice(0, -1)) : pattern === address;
}

function compile(row: RuleRow): CompiledRule {
  const modifiers = (row.re_modifiers ?? '').toUpperCase();
  const flags = modifiers.includes('CASELESS') ? 'i' : '';
  return {
    row,
    username: row.username ?? '',
    schemaname: row.schemaname ?? '',
    digest: row.digest ?? undefined,
    matchDigest: row.match_digest === null ? undefined : pattern(row.match_digest, flags),
    matchPattern: row.match_pattern === null ? undefined : pattern(row.match_pattern, flags),
    prefix:
      row.negate_match_pattern === 1 || row.replace_pattern !== null ? '' : literalPrefix(row.match_pattern ?? ''),
    negate: row.negate_match_pattern === 1,
    hits: 0,
  };
}

/** Patterns work on bytes, as the statements do. One that is no regular expression matches nothing. */
function pattern(source: string, flags: string): RegExp {
  let text = Buffer.from(source, 'utf8').toString('latin1');
  let allFlags = flags;
  // PCRE takes options at the start of a pattern; JavaScript wants them outside.
  const inline = /^\(\?([imsx]+)\)/.exec(text);
  if (inline !== null) {
    text = text.slice(inline[0].length);
    for (const flag of inline[1] ?? '') if ('ims'.includes(flag) && !allFlags.includes(flag)) allFlags += flag;
  }
  if (compiledBytes(text) > MAX_COMPILED_BYTES) {
    process.stderr.write(`rule pattern of ${text.length} characters is too large: it matches nothing\n`);
    return NEVER;
  }
  try {
    return new RegExp(text, allFlags);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    process.stderr.write(`rule pattern is not a regular expression: ${source}\n`);
    return NEVER;
  }
}

const PREFIX_LENGTH = 64;

/** The fixed beginning of an anchored pattern without alternatives outside of a group; empty where there is none. */
function literalPrefix(source: string): string {
  const match = /^\^((?:[\w =/;:,'-]|\\[^\w])+)/.exec(source);
  if (match === null || alternatesAtTop(source)) return '';
  const rest = source.slice(match[0].length);
  const literal = (match[1] as string).replace(/\\(.)/g, '$1');
  // A quantifier behind it makes the last character optional.
  return literal
    .slice(0, /^[?*{]/.test(rest) ? -1 : literal.length)
    .slice(0, PREFIX_LENGTH)
    .toLowerCase();
}

function alternatesAtTop(source: string): boolean {
  let depth = 0;
  for (let index = 0; index < source.length; index++) {
    const character = source[index];
    if (character === '\\') index++;
    else if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === '|' && depth === 0) return true;
    // Brackets would have to be understood: rather no prefix than a wrong one.
    else if (character === '[') return true;
  }
  return false;
}

/** Matches nothing. */
const NEVER = /(?!)/;
/** PCRE's limit with two-byte links, as ProxySQL is built. */
const MAX_COMPILED_BYTES = 65_536;

/**
 * Size of a pattern as PCRE compiles it, roughly: 2 bytes a literal, 3 an alternative, 5 to 8 a group, 33 a class.
 * Exact enough for long alternations, the only patterns that come near the limit.
 */
function compiledBytes(source: string): number {
  // Shorter ones cannot reach it, and are most.
  if (source.length < 2000) return 0;
  let bytes = 8;
  for (let index = 0; index < source.length; index++) {
    const character = source[index];
    if (character === '|') bytes += 3;
    else if (character === '(') bytes += 8;
    else if (character === ')') continue;
    else if (character === '[') {
      bytes += 33;
      index = source.indexOf(']', index + 2);
      if (index === -1) return bytes;
    } else {
      bytes += 2;
      if (character === '\\') index++;
    }
  }
  return bytes;
}

function jsReplacement(replacement: string): string {
  return Buffer.from(replacement, 'utf8')
    .toString('latin1')
    .replaceAll('$', '$$$$')
    .replace(/\\(\d)/g, '$$$1');
}
