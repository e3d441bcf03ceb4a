/**
 * The calls of AWS DMS that the controller makes, and no others. `sdkApi` carries them out; a simulation may take its
 * place. Replies are `unknown`: they are parsed where they are used. A call rejects with DMS's fault (its `name`), with
 * an error of the network, or when the signal is aborted.
 */
export interface DmsApi {
  describeTasks(request: DescribeTasksRequest, signal: AbortSignal): Promise<unknown>;
  describeTableStatistics(request: DescribeTableStatisticsRequest, signal: AbortSignal): Promise<unknown>;
  createTask(request: CreateTaskRequest, signal: AbortSignal): Promise<unknown>;
  startTask(request: StartTaskRequest, signal: AbortSignal): Promise<unknown>;
  stopTask(request: TaskArnRequest, signal: AbortSignal): Promise<unknown>;
  deleteTask(request: TaskArnRequest, signal: AbortSignal): Promise<unknown>;
  describeConnections(request: PagedRequest, signal: AbortSignal): Promise<unknown>;
  testConnection(request: ConnectionRequest, signal: AbortSignal): Promise<unknown>;
  describeInstances(request: PagedRequest, signal: AbortSignal): Promise<unknown>;
  describeEndpoints(request: PagedRequest, signal: AbortSignal): Promise<unknown>;
  describeAccountAttributes(signal: AbortSignal): Promise<unknown>;
  /** Gives its sockets back. */
  close(): void;
}

/** A filter of a Describe; its values are ORed. */
export interface DmsFilter {
  readonly name: string;
  readonly values: readonly string[];
}

/** One page of something. */
export interface PagedRequest {
  readonly filters: readonly DmsFilter[];
  readonly marker: string | null;
  readonly maxRecords: number;
}

export interface DescribeTasksRequest extends PagedRequest {
  /** Leaves out mappings and settings, which are most of a reply's bytes. */
  readonly withoutSettings: boolean;
}

export interface DescribeTableStatisticsRequest {
  readonly taskArn: string;
  readonly marker: string | null;
  readonly maxRecords: number;
}

export interface CreateTaskRequest {
  readonly taskId: string;
  readonly instanceArn: string;
  readonly sourceEndpointArn: string;
  readonly targetEndpointArn: string;
  readonly migrationType: 'full-load-and-cdc' | 'cdc';
  /** JSON. */
  readonly tableMappings: string;
  /** JSON. */
  readonly settings: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface StartTaskRequest {
  readonly taskArn: string;
  /** `reload-target` is missing on purpose: it was seen truncating shared tables. */
  readonly startType: 'start-replication' | 'resume-processing';
  /** Native position `file:position`; null where the task's own beginning or checkpoint holds. */
  readonly cdcStartPosition: string | null;
}

export interface TaskArnRequest {
  readonly taskArn: string;
}

export interface ConnectionRequest {
  readonly instanceArn: string;
  readonly endpointArn: string;
}
