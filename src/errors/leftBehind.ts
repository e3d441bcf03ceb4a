import { CutoverError, messageOf } from './base.ts';

/** The rows that stay behind could not be written down; nothing has been thrown away. */
export class ExportFailedError extends CutoverError {
  readonly code = 'EXPORT_FAILED';
  readonly remedy =
    'Make the directory (exports.directory) writable for the controller, with room enough, then give the command again.';
  readonly path: string;

  /** @param doing what was being done to the file, as in `writing` */
  constructor(path: string, doing: string, cause: unknown) {
    super(`${doing} ${path}: ${messageOf(cause)}`, { cause, details: { path, doing } });
    this.path = path;
  }
}

/** A file does not hold exactly the rows that stay behind; nothing has been deleted. */
export class ExportNotExactError extends CutoverError {
  readonly code = 'EXPORT_NOT_EXACT';
  readonly remedy = 'Keep the file as it is and retry: the rows are compared and written into a new one.';
  readonly path: string;

  constructor(path: string, why: string, details: Record<string, unknown> = {}) {
    super(`${path} is not what it should be: ${why}`, { details: { path, why, ...details } });
    this.path = path;
  }
}
