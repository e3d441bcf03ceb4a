import type { DmsApi } from '../../src/adapters/dms/api.ts';
import type { Clock } from '../../src/ports/clock.ts';

/** Time that passes only when somebody sleeps: as long as nothing else is going on, the next sleeper wakes. */
export class JumpingClock implements Clock {
  #nowMs = 1_000_000;
  readonly #sleepers: { atMs: number; wake: () => void }[] = [];
  #scheduled = false;

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper = { atMs: this.#nowMs + ms, wake: resolve };
    this.#sleepers.push(sleeper);
    signal?.addEventListener('abort', () => {
      const index = this.#sleepers.indexOf(sleeper);
      if (index >= 0) this.#sleepers.splice(index, 1);
      reject(signal.reason);
    });
    this.#schedule();
    return promise;
  }

  after(ms: number, work: () => void): () => void {
    const ended = new AbortController();
    this.sleep(ms, ended.signal).then(work, () => {});
    return () => ended.abort(new Error('not wanted any more'));
  }

  timeoutSignal(ms: number): AbortSignal {
    const timeout = new AbortController();
    this.after(ms, () => timeout.abort(new DOMException('too long', 'TimeoutError')));
    return timeout.signal;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After all that can go on without time passing.
    setImmediate(() => {
      this.#scheduled = false;
      this.#sleepers.sort((a, b) => a.atMs - b.atMs);
      const next = this.#sleepers.shift();
      if (next === undefined) return;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
      if (this.#sleepers.length > 0) this.#schedule();
    });
  }
}

/** One task of {@link InMemoryDms}. */
export interface InMemoryTask {
  id: string;
  status: string;
  mappings: string;
  settings: string;
  migrationType: string;
  shown: boolean;
  percent: number;
}

/**
 * The life of DMS's tasks in memory, for what no real service can be made to do on demand. Every call is in `calls`;
 * `before` may throw, or change something behind the caller's back.
 */
export class InMemoryDms implements DmsApi {
  readonly calls: string[] = [];
  readonly tasks = new Map<string, InMemoryTask>();
  before: (operation: string, request: unknown) => void = () => {};
  after: (operation: string) => void = () => {};

  async describeTasks(request: Parameters<DmsApi['describeTasks']>[0]): Promise<unknown> {
    this.#enter('DescribeReplicationTasks', request);
    const wanted = request.filters[0]?.values;
    const shown = [...this.tasks.values()].filter((task) => task.shown && (wanted?.includes(task.id) ?? true));
    const from = request.marker === null ? 0 : Number(request.marker);
    const page = shown.slice(from, from + request.maxRecords);
    const marker = from + page.length < shown.length ? { Marker: String(from + page.length) } : {};
    const reply = { ReplicationTasks: page.map((task) => this.#show(task, request.withoutSettings)), ...marker };
    this.after('DescribeReplicationTasks');
    return reply;
  }

  async describeTableStatistics(request: { taskArn: string }): Promise<unknown> {
    this.#enter('DescribeTableStatistics', request);
    return { TableStatistics: [{ SchemaName: 'BigDB', TableName: 'CdrTasks', TableState: 'Table completed' }] };
  }

  async createTask(request: Parameters<DmsApi['createTask']>[0]): Promise<unknown> {
    this.#enter('CreateReplicationTask', request);
    if (this.tasks.has(request.taskId)) throw fault('ResourceAlreadyExistsFault');
    const { taskId: id, tableMappings: mappings, settings, migrationType } = request;
    this.tasks.set(id, { id, mappings, settings, migrationType, status: 'ready', shown: true, percent: 0 });
    this.after('CreateReplicationTask');
    return {};
  }

  async startTask(request: { taskArn: string; startType: string }): Promise<unknown> {
    this.#enter(request.startType, request);
    const task = this.#find(request.taskArn);
    if (task.status !== (request.startType === 'start-replication' ? 'ready' : 'stopped')) throw wrongState(task);
    Object.assign(task, { status: 'running', percent: 100 });
    this.after(request.startType);
    return {};
  }

  async stopTask(request: { taskArn: string }): Promise<unknown> {
    this.#enter('StopReplicationTask', request);
    const task = this.#find(request.taskArn);
    if (task.status !== 'running') throw wrongState(task);
    task.status = 'stopped';
    this.after('StopReplicationTask');
    return {};
  }

  async deleteTask(request: { taskArn: string }): Promise<unknown> {
    this.#enter('DeleteReplicationTask', request);
    const task = this.#find(request.taskArn);
    if (task.status === 'running') throw wrongState(task);
    this.tasks.delete(task.id);
    this.after('DeleteReplicationTask');
    return {};
  }

  async describeConnections(): Promise<unknown> {
    this.#enter('DescribeConnections', null);
    const connection = (EndpointArn: string) => ({ ReplicationInstanceArn: 'rep', EndpointArn, Status: 'successful' });
    return { Connections: [connection('source'), connection('target')] };
  }

  async testConnection(): Promise<unknown> {
    this.#enter('TestConnection', null);
    return {};
  }

  async describeInstances(): Promise<unknown> {
    this.#enter('DescribeReplicationInstances', null);
    return { ReplicationInstances: [] };
  }

  async describeEndpoints(): Promise<unknown> {
    this.#enter('DescribeEndpoints', null);
    return { Endpoints: [] };
  }

  async describeAccountAttributes(): Promise<unknown> {
    this.#enter('DescribeAccountAttributes', null);
    return {};
  }

  close(): void {}

  /** How often an operation was called. */
  count(operation: string): number {
    return this.calls.filter((name) => name === operation).length;
  }

  #enter(operation: string, request: unknown): void {
    this.calls.push(operation);
    this.before(operation, request);
  }

  #find(arn: string): InMemoryTask {
    const task = this.tasks.get(arn.replace('arn:', ''));
    if (task === undefined) throw fault('ResourceNotFoundFault');
    return task;
  }

  #show(task: InMemoryTask, bare: boolean) {
    return {
      ReplicationTaskIdentifier: task.id,
      ReplicationTaskArn: `arn:${task.id}`,
      ReplicationInstanceArn: 'rep',
      SourceEndpointArn: 'source',
      TargetEndpointArn: 'target',
      MigrationType: task.migrationType,
      Status: task.status,
      ...(bare ? {} : { TableMappings: task.mappings, ReplicationTaskSettings: task.settings }),
      ReplicationTaskStats: { FullLoadProgressPercent: task.percent },
    };
  }
}

/** A fault as the SDK throws it. */
export function fault(name: string, httpStatusCode = 400): Error {
  return Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });
}

function wrongState(task: InMemoryTask): Error {
  return Object.assign(fault('InvalidResourceStateFault'), { message: `it is ${task.status}` });
}
