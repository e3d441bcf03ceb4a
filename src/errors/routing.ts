import { CutoverError } from './base.ts';

/** A proxy's admin interface did not answer. */
export class ProxyUnavailableError extends CutoverError {
  readonly code = 'PROXY_UNAVAILABLE';
  readonly remedy = 'Check the proxy; it stays as it is (held, if it was held) and is retried until it answers.';
  readonly transient = true;
  readonly proxy: string;

  constructor(proxy: string, action: string, cause: unknown) {
    super(`proxy ${proxy}: ${action} failed: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
      details: { proxy, action },
    });
    this.proxy = proxy;
  }
}

/** A ProxySQL that the controller cannot work with. */
export class ProxyTooOldError extends CutoverError {
  readonly code = 'PROXY_TOO_OLD';
  readonly remedy = 'Update ProxySQL on every instance; 3.0.12 or later is advised.';
  readonly proxy: string;

  constructor(proxy: string, version: string, why: string) {
    super(`proxy ${proxy}: ${why}`, { details: { proxy, version } });
    this.proxy = proxy;
  }
}

/** The org's rule on the proxy is not what this attempt left there. */
export class RouteConflictError extends CutoverError {
  readonly code = 'ROUTE_CONFLICT';
  readonly remedy = 'Somebody else changed the org’s rule on the proxy; compare it with the journal, then retry.';
  readonly proxy: string;
  readonly orgId: number;
  readonly expected: string;
  readonly found: string | null;

  constructor(proxy: string, orgId: number, expected: string, found: string | null) {
    super(`proxy ${proxy}: the rule of org ${orgId} is not the one this attempt left`, {
      details: { proxy, orgId, expected, found },
    });
    this.proxy = proxy;
    this.orgId = orgId;
    this.expected = expected;
    this.found = found;
  }
}

/** What the proxy runs is not what was loaded. */
export class RouteReadBackError extends CutoverError {
  readonly code = 'ROUTE_READ_BACK';
  readonly remedy = 'Compare mysql_query_rules with runtime_mysql_query_rules on the proxy; the flip was aborted.';
  readonly proxy: string;
  readonly orgId: number;
  readonly expected: unknown;
  readonly found: unknown;

  constructor(proxy: string, orgId: number, expected: unknown, found: unknown) {
    super(`proxy ${proxy}: the runtime does not show the route that was loaded for org ${orgId}`, {
      details: { proxy, orgId, expected, found },
    });
    this.proxy = proxy;
    this.orgId = orgId;
    this.expected = expected;
    this.found = found;
  }
}

/** Memory and runtime of the proxy differ in something of others': LOAD would publish it for everybody. */
export class ProxyDirtyError extends CutoverError {
  readonly code = 'PROXY_MEMORY_DIFFERS';
  readonly remedy = 'Have whoever edits the proxy load or discard the change named in the details, then retry.';
  readonly proxy: string;
  readonly table: string;
  readonly rows: readonly unknown[];

  constructor(proxy: string, table: string, rows: readonly unknown[]) {
    super(`proxy ${proxy}: memory and runtime differ in ${table}`, { details: { proxy, table, rows } });
    this.proxy = proxy;
    this.table = table;
    this.rows = rows;
  }
}

/** Sessions of the org that did not come to rest in time. */
export class DrainTimeoutError extends CutoverError {
  readonly code = 'DRAIN_TIMEOUT';
  readonly remedy = 'End the sessions named here, or wait until they have ended; the flip is tried again.';
  readonly orgId: number;
  readonly sessions: readonly unknown[];

  constructor(orgId: number, sessions: readonly unknown[]) {
    super(`org ${orgId}: ${sessions.length} session(s) did not come to rest in time`, { details: { orgId, sessions } });
    this.orgId = orgId;
    this.sessions = sessions;
  }
}

/** The marker did not arrive from every site in time. */
export class MarkerTimeoutError extends CutoverError {
  readonly code = 'MARKER_TIMEOUT';
  readonly remedy = 'Check replication between the sites and the org’s task; the flip is tried again.';
  readonly orgId: number;
  readonly missing: readonly string[];

  constructor(orgId: number, missing: readonly string[]) {
    super(`org ${orgId}: no marker arrived from ${missing.join(', ')}`, { details: { orgId, missing } });
    this.orgId = orgId;
    this.missing = missing;
  }
}

/** The flip's budget was spent before the commit point. */
export class BudgetSpentError extends CutoverError {
  readonly code = 'FLIP_BUDGET_SPENT';
  readonly remedy = 'Look at the attempt’s phase timings for the slow step; the flip is tried again.';
  readonly orgId: number;
  readonly budgetMs: number;
  readonly step: string;

  constructor(orgId: number, budgetMs: number, step: string) {
    super(`org ${orgId}: the flip's budget of ${budgetMs} ms was spent in ${step}`, {
      details: { orgId, budgetMs, step },
    });
    this.orgId = orgId;
    this.budgetMs = budgetMs;
    this.step = step;
  }
}
