import { SourceFeed } from './binlog/feed.ts';
import type { DmsConfig } from './config.ts';
import type { Endpoint } from './endpoint.ts';
import { targetOf } from './endpoint.ts';
import { DmsFault, notFound } from './errors.ts';
import { type Fault, Faults, matches } from './faults.ts';
import { makeArn, type ResourceType } from './identifiers.ts';
import type { DatabaseAddress } from './sql/connect.ts';
import type { ReplicationTask, TaskDefinition, TaskSides } from './task/task.ts';

export interface ReplicationInstance {
  readonly identifier: string;
  readonly arn: string;
  readonly instanceClass: string;
  readonly allocatedStorage: number;
  readonly createdMs: number;
  status: 'creating' | 'available' | 'deleting';
}

/** The last test of an endpoint from an instance. */
export interface Connection {
  readonly instanceArn: string;
  readonly endpointArn: string;
  status: 'testing' | 'successful' | 'failed';
  lastFailureMessage: string | null;
}

/** All that one account has in one region. */
export class Region {
  readonly config: DmsConfig;
  readonly faults = new Faults();
  readonly instances = new Map<string, ReplicationInstance>();
  readonly endpoints = new Map<string, Endpoint>();
  readonly connections = new Map<string, Connection>();
  readonly tasks = new Map<string, ReplicationTask>();
  readonly tags = new Map<string, Map<string, string>>();
  readonly #feeds = new Map<string, SourceFeed>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(config: DmsConfig) {
    this.config = config;
    for (const identifier of config.instances) {
      const arn = this.arn('rep');
      this.instances.set(arn, {
        identifier,
        arn,
        instanceClass: 'dms.c6i.large',
        allocatedStorage: 100,
        createdMs: Date.now(),
        status: 'available',
      });
    }
  }

  arn(type: ResourceType, resourceIdentifier?: string): string {
    return makeArn(this.config.region, this.config.accountId, type, resourceIdentifier);
  }

  instance(arn: string): ReplicationInstance {
    const instance = this.instances.get(arn);
    if (instance === undefined) throw notFound(`Replication Instance ${arn} not found`);
    return instance;
  }

  endpoint(arn: string): Endpoint {
    const endpoint = this.endpoints.get(arn);
    if (endpoint === undefined) throw notFound(`Endpoint ${arn} not found`);
    return endpoint;
  }

  task(arn: string): ReplicationTask {
    const task = this.tasks.get(arn);
    if (task === undefined) throw notFound(`Replication Task ${arn} not found`);
    return task;
  }

  connection(instanceArn: string, endpointArn: string): Connection | undefined {
    return this.connections.get(`${instanceArn} ${endpointArn}`);
  }

  /** Source, target and the source's shared change feed, for a task that starts. */
  sidesOf(definition: TaskDefinition): TaskSides {
    const source = this.endpoint(definition.sourceArn).address;
    return { source, target: targetOf(this.endpoint(definition.targetArn)), feed: this.#feedOf(source) };
  }

  #feedOf(address: DatabaseAddress): SourceFeed {
    const key = JSON.stringify([address.host, address.port, address.user, address.password]);
    let feed = this.#feeds.get(key);
    if (feed === undefined) {
      feed = new SourceFeed(address);
      this.#feeds.set(key, feed);
    }
    return feed;
  }

  /** Runs something later, unless the process ends first. */
  later(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    this.#timers.add(timer);
  }

  applyFault(fault: Fault): void {
    this.faults.set(fault);
    for (const task of this.tasks.values()) {
      if ('task' in fault && !matches(fault.task, task.definition.identifier)) continue;
      if (fault.kind === 'taskFailure') task.injectFailure(fault.reason, fault.message);
      if (fault.kind === 'selfResume') task.selfResume(fault.replayTransactions);
      task.wake();
    }
  }

  /** What the lab's tests and its people want to see of the inside. */
  state(): unknown {
    return {
      region: this.config.region,
      binlogReaders: [...this.#feeds.values()].reduce((sum, feed) => sum + feed.readerCount, 0),
      tasks: [...this.tasks.values()].map((task) => ({
        identifier: task.definition.identifier,
        arn: task.definition.arn,
        status: task.status,
        queued: task.queued,
        checkpoint: task.progress.checkpoint,
        captureFrom: task.progress.captureFrom,
        overlapUntil: task.progress.overlapUntil,
        tables: [...task.progress.tables.values()].map(({ name, state, error }) => ({ name, state, error })),
        log: task.log,
      })),
    };
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all([...this.tasks.values()].map((task) => task.shutDown()));
    await Promise.all([...this.#feeds.values()].map((feed) => feed.close()));
  }
}

/** What the service answers to a name it has no operation for. */
export const unknownOperation = (operation: string): DmsFault =>
  new DmsFault('UnknownOperationException', `operation ${operation} is not supported`);
