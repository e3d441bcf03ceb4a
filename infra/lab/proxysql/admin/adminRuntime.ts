import type { ServerRow } from '../backend/server.ts';
import type { QueryRules } from '../rules/queryRules.ts';
import type { RuntimeUser } from '../runtime.ts';
import type { Variables } from '../variables.ts';

export type StatsRow = (string | number | null)[];

/** What serves queries, as the admin interface sees it. */
export interface AdminRuntime {
  readonly variables: Variables;
  rules: QueryRules;
  users: ReadonlyMap<string, RuntimeUser>;
  readonly hostgroups: {
    load(rows: readonly ServerRow[]): void;
    servers(): Iterable<{ readonly row: ServerRow; readonly status: string }>;
  };
  readonly queryCache: { clear(): void };
  /** Rows of a table of the schema `stats`, as they are at this moment. Tables that end in `_reset` are emptied by it. */
  statsRows(table: string): Iterable<StatsRow>;
  /** Ends a session, or only what it runs; false where there is no such session. */
  killSession(id: number, how: 'CONNECTION' | 'QUERY'): boolean;
}
