import { CutoverError, messageOf } from './base.ts';

/** DMS did not answer, or throttled, for longer than the step may take. */
export class ReplicationUnavailableError extends CutoverError {
  readonly code = 'REPLICATION_UNAVAILABLE';
  readonly remedy = 'Check DMS in the region, its credentials and its API quota; the step is tried again by itself.';
  readonly transient = true;
}

/** The task failed, stopped, or has a table in error. */
export class TaskFailedError extends CutoverError {
  readonly code = 'TASK_FAILED';
  readonly remedy = 'Read the task’s log, mend the cause, then retry: the task is deleted and made anew.';
  readonly taskId: string;
  readonly why: string;

  constructor(taskId: string, why: string, details: Record<string, unknown> = {}) {
    super(`task ${taskId}: ${why}`, { details: { taskId, why, ...details } });
    this.taskId = taskId;
    this.why = why;
  }
}

/** DMS refused what was asked (quota, invalid mapping, missing endpoint or instance). */
export class ReplicationRefusedError extends CutoverError {
  readonly code = 'REPLICATION_REFUSED';
  readonly remedy = 'Read the fault of DMS in the details and mend the configuration or the quota, then retry.';
}

/** DMS answered in a shape that the controller does not know. */
export class ReplicationReplyError extends CutoverError {
  readonly code = 'REPLICATION_REPLY_INVALID';
  readonly remedy = 'Compare the reply with DMS’s documentation: the service or what stands in for it has changed.';
  readonly homeRegion: string;
  readonly operation: string;

  constructor(homeRegion: string, operation: string, cause: unknown) {
    super(`the reply of DMS to ${operation} in ${homeRegion} cannot be read: ${messageOf(cause)}`, {
      cause,
      details: { homeRegion, operation },
    });
    this.homeRegion = homeRegion;
    this.operation = operation;
  }
}

/** DMS cannot reach a database through one of the endpoints. */
export class ReplicationConnectionError extends CutoverError {
  readonly code = 'REPLICATION_CONNECTION_FAILED';
  readonly remedy = 'Check host, account and network of the endpoint from the replication instance, then retry.';
  readonly transient = true;
  readonly endpointArn: string;
  readonly why: string;

  constructor(endpointArn: string, why: string) {
    super(`the connection test of endpoint ${endpointArn} did not succeed: ${why}`, { details: { endpointArn, why } });
    this.endpointArn = endpointArn;
    this.why = why;
  }
}
