import type { SslOptions } from 'mysql2';

/** How orgs are told apart at the proxies, and which numbers are the controller's own. */
export interface RoutingConfig {
  readonly by: 'user' | 'schema' | 'comment';
  /** Template of the user, schema or annotation; `{orgId}` stands for the number. */
  readonly template: string;
  readonly ruleIds: { readonly from: number; readonly to: number };
  readonly holdHostgroups: { readonly from: number; readonly to: number };
  readonly sentinelRuleId: number;
  readonly source: { readonly writerHostgroup: number; readonly readerHostgroup?: number | undefined };
  readonly clusters: Readonly<
    Record<string, { readonly writerHostgroup: number; readonly readerHostgroup?: number | undefined }>
  >;
  /** Schemas of the catalogue: those in which an org's user is expected. */
  readonly schemas?: readonly string[];
  /** The longest hold, also when the controller dies in it; `mysql-connect_timeout_server_max` has to be longer (milliseconds). */
  readonly longestHoldMs: number;
}

/** How one proxy's admin interface is reached. */
export interface ProxyConfig {
  readonly name: string;
  readonly host: string;
  readonly adminPort: number;
  readonly adminUser: string;
  readonly adminPassword: string;
  readonly ssl?: SslOptions;
}

/** What a rule matches to find one org's queries. */
export interface OrgMatch {
  readonly username: string | null;
  readonly schemaname: string | null;
  readonly matchPattern: string | null;
}

/** Writer and reader hostgroups of a side, for an org of `homeRegion`. */
export function hostgroupsOf(config: RoutingConfig, side: 'source' | 'cluster', homeRegion: string) {
  const found = side === 'source' ? config.source : config.clusters[homeRegion];
  if (found === undefined) throw new RangeError(`no hostgroups are configured for the home region ${homeRegion}`);
  return found;
}

/** The rule's match for an org. An annotation counts at the very start of a statement only: a value that contains it must not route. */
export function matchOf(config: RoutingConfig, orgId: number): OrgMatch {
  const text = config.template.replaceAll('{orgId}', String(orgId));
  switch (config.by) {
    case 'user':
      return { username: text, schemaname: null, matchPattern: null };
    case 'schema':
      return { username: null, schemaname: text, matchPattern: null };
    case 'comment':
      return { username: null, schemaname: null, matchPattern: `^\\s*${escapeRegex(text)}` };
  }
}

/** Matches a statement that begins with any org's annotation. */
export function annotationPattern({ template }: Pick<RoutingConfig, 'template'>): RegExp {
  const [before = '', after = ''] = template.split('{orgId}');
  return new RegExp(`^\\s*${escapeRegex(before)}\\d+${escapeRegex(after)}`, 'i');
}

/** Matches any org's name where a user or a schema tells orgs apart. */
export function namePattern({ template }: Pick<RoutingConfig, 'template'>): RegExp {
  const [before = '', after = ''] = template.split('{orgId}');
  return new RegExp(`^${escapeRegex(before)}\\d+${escapeRegex(after)}$`);
}

/** The text as a pattern that matches it alone. */
export function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
