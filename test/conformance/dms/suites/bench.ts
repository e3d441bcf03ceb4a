import type { DmsApi } from '../../../../src/adapters/dms/api.ts';
import { waitUntil } from '../../waiting.ts';
import { rule, SAFE_SETTINGS } from '../rules.ts';
import { BenchTask } from './task.ts';

// What the suites need: the service's API as the product calls it, between a site and a cluster with the same tables.

export type Place = 'site' | 'cluster';

/** Tables of the schema `moved` on both sides: `Calls` (OrgID, ID, Version), `Marks` (OrgID, ID). */
export const SCHEMA = 'moved';

/** A task as a test wants it: forward, with load, of both tables, unless it says otherwise. */
export interface TaskWish {
  readonly orgId?: number;
  readonly tables?: readonly string[];
  readonly from?: Place;
  readonly migrationType?: 'full-load-and-cdc' | 'cdc';
  readonly sourceEndpointArn?: string;
}

/** The service with its databases, over real connections in the machine's time or simulated in virtual time. */
export abstract class TaskBench {
  abstract readonly api: DmsApi;
  abstract readonly instanceArn: string;
  /** For how long a Describe may show what was before a change (milliseconds). */
  abstract readonly staleMs: number;
  /** How many rows make a load that takes a while. */
  abstract readonly manyRows: number;
  readonly signal = new AbortController().signal;
  readonly #tasks: BenchTask[] = [];
  #made = 0;

  /** An endpoint whose connection was tested. */
  abstract endpoint(place: Place, side: 'source' | 'target'): Promise<string>;
  /** A source at the site that nobody has tested. */
  abstract untestedEndpoint(): Promise<string>;
  /** One where nobody lets the service in. */
  abstract brokenEndpoint(): Promise<string>;
  /** Runs statements, one after the other, at a server; gives the last one's rows, their columns joined by blanks. */
  abstract sql(place: Place, ...statements: readonly string[]): Promise<readonly string[]>;
  /** Where the server's binlog stands, as DMS takes it. */
  abstract position(place: Place): Promise<string>;
  /** Milliseconds, of the time in which the service lives. */
  abstract nowMs(): number;
  abstract sleep(ms: number): Promise<void>;

  /** No task left, no rows. */
  async reset(): Promise<void> {
    for (const task of this.#tasks.splice(0)) await task.remove();
    for (const place of ['site', 'cluster'] as const) {
      await this.sql(place, `DELETE FROM ${SCHEMA}.Calls`, `DELETE FROM ${SCHEMA}.Marks`);
    }
  }

  /** What a task is created from. */
  async request(wish: TaskWish = {}) {
    const { orgId = 42, tables = ['Calls', 'Marks'], from = 'site', migrationType = 'full-load-and-cdc' } = wish;
    const to = from === 'site' ? 'cluster' : 'site';
    const filters = [
      {
        'filter-type': 'source',
        'column-name': 'OrgID',
        'filter-conditions': [{ 'filter-operator': 'eq', value: String(orgId) }],
      },
    ];
    this.#made += 1;
    return {
      taskId: `suite-${this.#made}`,
      instanceArn: this.instanceArn,
      sourceEndpointArn: wish.sourceEndpointArn ?? (await this.endpoint(from, 'source')),
      targetEndpointArn: await this.endpoint(to, 'target'),
      migrationType,
      tableMappings: JSON.stringify({
        rules: tables.map((table, index) => rule({ schema: SCHEMA, table, filters }, index)),
      }),
      settings: JSON.stringify(SAFE_SETTINGS),
      tags: {},
    } as const;
  }

  /** A task that is ready. */
  async create(wish: TaskWish = {}): Promise<BenchTask> {
    const request = await this.request(wish);
    await this.api.createTask(request, this.signal);
    const task = new BenchTask(this, request.taskId);
    this.#tasks.push(task);
    await task.until('ready');
    return task;
  }

  /** Tests a connection and gives how that ended. */
  async test(endpointArn: string): Promise<string> {
    await this.api.testConnection({ instanceArn: this.instanceArn, endpointArn }, this.signal);
    return this.waitUntil('the connection test', async () => {
      const status = await this.connectionStatus(endpointArn);
      return status !== undefined && status !== 'testing' ? status : undefined;
    });
  }

  async connectionStatus(endpointArn: string): Promise<string | undefined> {
    const filters = [{ name: 'replication-instance-arn', values: [this.instanceArn] }];
    const page = await this.api.describeConnections({ filters, marker: null, maxRecords: 100 }, this.signal);
    const { Connections: all } = page as { Connections: readonly { EndpointArn: string; Status: string }[] };
    return all.find(({ EndpointArn }) => EndpointArn === endpointArn)?.Status;
  }

  /** Rows of a table, by what the tasks of an org carry. */
  rows(place: Place, table = 'Calls', orgId = 42): Promise<readonly string[]> {
    return this.sql(place, `SELECT * FROM ${SCHEMA}.${table} WHERE OrgID = ${orgId} ORDER BY ID`);
  }

  /** Waits until the table has these rows. */
  async untilRows(place: Place, wanted: readonly string[], table = 'Calls'): Promise<void> {
    await this.waitUntil(`${table} at the ${place} to hold ${wanted.join(', ')}`, async () => {
      const rows = await this.rows(place, table);
      return rows.join() === wanted.join();
    });
  }

  /** Waits until both sides hold the same rows of the org. */
  async untilSame(): Promise<void> {
    await this.waitUntil('both sides to hold the same', async () => {
      for (const table of ['Calls', 'Marks']) {
        if ((await this.rows('site', table)).join() !== (await this.rows('cluster', table)).join()) return false;
      }
      return true;
    });
  }

  /** Asks again and again until there is an answer; throws where none comes in time. */
  waitUntil<T>(
    what: string,
    ask: () => Promise<T | undefined | false>,
    limits: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
  ): Promise<T> {
    return waitUntil(this, what, ask, limits);
  }
}

/** Rows of `Calls` as values of an INSERT, with version 1. */
export function calls(from: number, count: number, orgId = 42): string {
  return Array.from({ length: count }, (_, index) => `(${orgId}, ${from + index}, 1)`).join(', ');
}
