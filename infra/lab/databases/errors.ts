/** A failure of the lab's own databases: what happened, why, and what to do about it. */
export class LabDatabaseError extends Error {
  override readonly name = 'LabDatabaseError';
  readonly code: LabDatabaseErrorCode;
  /** What the person at the keyboard can do about it. */
  readonly remedy: string;

  constructor(code: LabDatabaseErrorCode, message: string, remedy: string, cause?: unknown) {
    super(`${message} (${remedy})`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.remedy = remedy;
  }
}

export type LabDatabaseErrorCode =
  | 'LAB_SERVER_NOT_INSTALLED'
  | 'LAB_SERVER_DID_NOT_START'
  | 'LAB_SERVER_BOOTSTRAP_FAILED'
  | 'LAB_CONDITION_NOT_REACHED'
  | 'LAB_REPLICATION_BROKEN';
