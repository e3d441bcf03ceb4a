import { parsePosition } from '../../../infra/lab/dms/binlog/position.ts';
import { parseSettings } from '../../../infra/lab/dms/settings/settings.ts';
import type {
  CreateTaskRequest,
  DescribeTableStatisticsRequest,
  DescribeTasksRequest,
  DmsFilter,
  PagedRequest,
  StartTaskRequest,
} from '../../../src/adapters/dms/api.ts';
import { TestedConnections } from './connections.ts';
import { dmsFaults } from './fault.ts';
import type { Surroundings } from './surroundings.ts';
import { SimTask, type StartPoint, type TaskView } from './task.ts';

/** An endpoint of the world: a server as source or target. */
export interface SimEndpoint {
  readonly arn: string;
  readonly side: 'source' | 'target';
  /** Name of the server. */
  readonly server: string;
}

/** One region of the service. */
export interface SimRegion {
  readonly homeRegion: string;
  readonly instanceArn: string;
  readonly endpoints: readonly SimEndpoint[];
}

/** Describe shows what was true up to this long ago (milliseconds). */
const STALE_MS = 150;

/** The operations of one region, without the network before it. */
export class RegionService {
  readonly #region: SimRegion;
  readonly #world: Surroundings;
  readonly #tell: (what: string) => void;
  readonly #fault: (error: unknown) => void;
  readonly #tasks = new Map<string, SimTask>();
  readonly #connections: TestedConnections;
  #made = 0;

  constructor(region: SimRegion, world: Surroundings, tell: (what: string) => void, fault: (error: unknown) => void) {
    this.#region = region;
    this.#world = world;
    this.#tell = tell;
    this.#fault = fault;
    this.#connections = new TestedConnections(world);
  }

  get tasks(): readonly SimTask[] {
    return [...this.#tasks.values()];
  }

  createTask(request: CreateTaskRequest): unknown {
    const { taskId } = request;
    if (this.tasks.some(({ definition }) => definition.id === taskId)) throw dmsFaults.exists(taskId);
    const source = this.#endpoint(request.sourceEndpointArn, 'source');
    const target = this.#endpoint(request.targetEndpointArn, 'target');
    if (request.instanceArn !== this.#region.instanceArn) throw dmsFaults.notFound(request.instanceArn);
    const { settings, echo } = parseSettings(request.settings);
    this.#made += 1;
    const arn = `arn:aws:dms:${this.#region.homeRegion}:000000000000:task:${this.#made}`;
    const definition = {
      id: taskId,
      arn,
      instanceArn: request.instanceArn,
      sourceArn: source.arn,
      targetArn: target.arn,
      source: source.server,
      target: target.server,
      migrationType: request.migrationType,
      mappings: request.tableMappings,
      settings: echo,
      recoveryTable: settings.TargetMetadata.TaskRecoveryTableEnabled,
    };
    const task = new SimTask(definition, this.#world, this.#tell, this.#fault);
    this.#tasks.set(arn, task);
    this.#tell(`${taskId} is made, ${source.server} to ${target.server}`);
    return changed(task);
  }

  startTask({ taskArn, startType, cdcStartPosition }: StartTaskRequest): unknown {
    const task = this.#task(taskArn);
    const { definition, everRan } = task;
    const { instanceArn, sourceArn, targetArn, migrationType } = definition;
    task.mustRest('started');
    for (const endpoint of [sourceArn, targetArn]) {
      if (!this.#connections.isGood(instanceArn, endpoint)) throw dmsFaults.state(`${endpoint} was not tested`);
    }
    if (startType === 'resume-processing') {
      if (!everRan) throw dmsFaults.combination('RESUME_PROCESSING is valid only for tasks that were run before');
      task.start(null);
    } else {
      if (everRan && migrationType !== 'cdc') {
        throw dmsFaults.combination('START_REPLICATION is valid only for tasks running for the first time');
      }
      task.start(this.#startOf(definition.source, cdcStartPosition));
    }
    this.#tell(`${definition.id} is told to ${startType}`);
    return changed(task);
  }

  stopTask(taskArn: string): unknown {
    const task = this.#task(taskArn);
    task.stop();
    return changed(task);
  }

  deleteTask(taskArn: string): unknown {
    const task = this.#task(taskArn);
    task.delete(() => this.#tasks.delete(taskArn));
    this.#tell(`${task.definition.id} is being deleted`);
    return changed(task);
  }

  describeTasks({ filters, withoutSettings }: DescribeTasksRequest): unknown {
    const { scheduler, random } = this.#world;
    const atMs = scheduler.nowMs - random.between(0, STALE_MS);
    const shown = this.tasks.flatMap((task) => {
      const view = task.viewAt(atMs);
      return view !== null && fits(task, filters) ? [showTask(task, view, withoutSettings)] : [];
    });
    if (shown.length === 0 && filters.length > 0) throw dmsFaults.notFound('a task that fits');
    return { ReplicationTasks: shown };
  }

  describeTableStatistics({ taskArn }: DescribeTableStatisticsRequest): unknown {
    const { mapping, progress, everRan } = this.#task(taskArn);
    const tables = everRan ? mapping.tables : [];
    return {
      TableStatistics: tables.map(({ schema, table, name }) => ({
        SchemaName: schema,
        TableName: table,
        TableState: progress.errored.has(name)
          ? 'Table error'
          : progress.loaded.has(name)
            ? 'Table completed'
            : progress.begun.has(name)
              ? 'Full load'
              : 'Before load',
        FullLoadRows: progress.loadedRows.get(name) ?? 0,
      })),
    };
  }

  testConnection(instanceArn: string, endpointArn: string): unknown {
    const endpoint = this.#region.endpoints.find(({ arn }) => arn === endpointArn);
    if (endpoint === undefined) throw dmsFaults.notFound(endpointArn);
    this.#connections.test(instanceArn, endpointArn, endpoint.server);
    return {};
  }

  describeConnections({ filters }: PagedRequest): unknown {
    const wanted = filters.find(({ name }) => name === 'replication-instance-arn')?.values ?? [];
    return { Connections: this.#connections.show(wanted) };
  }

  describeInstances(): unknown {
    return {
      ReplicationInstances: [
        { ReplicationInstanceArn: this.#region.instanceArn, ReplicationInstanceStatus: 'available' },
      ],
    };
  }

  describeEndpoints(): unknown {
    return {
      Endpoints: this.#region.endpoints.map(({ arn, side }) => ({
        EndpointArn: arn,
        EndpointIdentifier: arn.split(':').at(-1),
        EndpointType: side,
        Username: 'dms',
        Status: 'active',
      })),
    };
  }

  describeAccountAttributes(): unknown {
    return { AccountQuotas: [{ AccountQuotaName: 'ReplicationTasks', Used: this.#tasks.size, Max: 600 }] };
  }

  #task(arn: string): SimTask {
    const task = this.#tasks.get(arn);
    if (task === undefined) throw dmsFaults.notFound(arn);
    return task;
  }

  #endpoint(arn: string, side: SimEndpoint['side']): SimEndpoint {
    const found = this.#region.endpoints.find((endpoint) => endpoint.arn === arn);
    if (found === undefined) throw dmsFaults.notFound(arn);
    if (found.side !== side) throw dmsFaults.parameter(`Endpoint ${arn} is not a ${side} endpoint`);
    return found;
  }

  /** Index of the first event that the task takes; without a position, the next one. */
  #startOf(server: string, position: string | null): StartPoint {
    const { binlog } = this.#world.server(server).core;
    if (position === null) return binlog.events.length;
    const parsed = parsePosition(position);
    if (parsed === null) throw dmsFaults.parameter(`${position} is no position`);
    if (!binlog.reaches(parsed.file, parsed.offset)) return 'missing';
    return binlog.indexAt(parsed.file, parsed.offset);
  }
}

function fits({ definition }: SimTask, filters: readonly DmsFilter[]): boolean {
  return filters.every(({ name, values }) => {
    if (name !== 'replication-task-id') throw dmsFaults.combination(`an unknown filter: ${name}`);
    return values.includes(definition.id);
  });
}

/** The answer to a change: the task as it is from now on. */
function changed(task: SimTask): object {
  return { ReplicationTask: showTask(task, task.view, true) };
}

function showTask(task: SimTask, view: TaskView, withoutSettings: boolean): object {
  const { definition, mapping, progress, everRan } = task;
  const count = (state: (name: string) => boolean) => mapping.tables.filter(({ name }) => state(name)).length;
  const well = (name: string) => !progress.errored.has(name);
  const loaded = count((name) => well(name) && progress.loaded.has(name));
  const errored = count((name) => !well(name));
  return {
    ReplicationTaskIdentifier: definition.id,
    ReplicationTaskArn: definition.arn,
    ReplicationInstanceArn: definition.instanceArn,
    SourceEndpointArn: definition.sourceArn,
    TargetEndpointArn: definition.targetArn,
    MigrationType: definition.migrationType,
    Status: view.status,
    ...(view.stopReason === null ? {} : { StopReason: view.stopReason }),
    ...(view.lastFailure === null ? {} : { LastFailureMessage: view.lastFailure }),
    ...(withoutSettings ? {} : { TableMappings: mapping.text, ReplicationTaskSettings: definition.settings }),
    ReplicationTaskStats: everRan
      ? {
          // A table in error counts as done.
          FullLoadProgressPercent: Math.floor((100 * (loaded + errored)) / mapping.tables.length),
          TablesLoaded: loaded,
          TablesLoading: count((name) => well(name) && progress.begun.has(name) && !progress.loaded.has(name)),
          TablesQueued: count((name) => well(name) && !progress.begun.has(name) && !progress.loaded.has(name)),
          TablesErrored: errored,
          ...(progress.loadEndedAtMs === null ? {} : { FullLoadFinishDate: new Date(progress.loadEndedAtMs) }),
        }
      : {},
  };
}
