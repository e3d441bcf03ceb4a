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

/** AWS does not know the credentials, or no longer. */
export class ReplicationCredentialsError extends CutoverError {
  readonly code = 'DMS_CREDENTIALS_REFUSED';
  readonly remedy =
    'Give the controller credentials that are valid now (role of the machine, environment, dms.credentials), and see to its clock.';
  /** Roles renew theirs by themselves, and a clock is put right; a key that nobody knows stays unknown. */
  readonly transient: boolean;
  readonly homeRegion: string;
  readonly fault: string;

  constructor(homeRegion: string, fault: string, message: string, cause: unknown) {
    super(`DMS of ${homeRegion} does not take the credentials: ${fault}: ${message}`, {
      cause,
      details: { homeRegion, fault },
    });
    this.transient = /expired|skewed|provider|signature/i.test(fault);
    this.homeRegion = homeRegion;
    this.fault = fault;
  }
}

/** What answers is DMS of another region. */
export class ReplicationRegionError extends CutoverError {
  readonly code = 'DMS_REGION_WRONG';
  readonly remedy = 'Correct dms.regions: region, endpoint and ARNs have to be of one AWS region.';
  readonly homeRegion: string;
  readonly region: string;

  constructor(homeRegion: string, region: string, cause: unknown) {
    super(`what answers for DMS of ${homeRegion} is not the region ${region}: ${messageOf(cause)}`, {
      cause,
      details: { homeRegion, region },
    });
    this.homeRegion = homeRegion;
    this.region = region;
  }
}

/** DMS knows no replication instance of the configured ARN. */
export class ReplicationInstanceMissingError extends CutoverError {
  readonly code = 'DMS_INSTANCE_MISSING';
  readonly remedy = 'Correct the instance’s ARN in the configuration, or create the instance.';
  readonly replicationInstanceArn: string;

  constructor(homeRegion: string, replicationInstanceArn: string, region: string) {
    super(`replication instance ${replicationInstanceArn} does not exist in ${region}`, {
      details: { homeRegion, replicationInstanceArn, region },
    });
    this.replicationInstanceArn = replicationInstanceArn;
  }
}
