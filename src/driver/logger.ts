import type { MigrationContext } from '../../statecharts/context.ts';

type Line = (fields: object, message: string) => void;

/** What the controller logs with; pino's loggers fit. */
export interface Logger {
  readonly debug: Line;
  readonly info: Line;
  readonly warn: Line;
  readonly error: Line;
}

/** Which move a line is about, and who runs it. */
export interface LogSubject {
  readonly migrationId: string;
  readonly orgId: number;
  /** Number of the last attempt at a flip; 0 before the first. */
  readonly attempt: number;
  /** Fencing number of the owner. */
  readonly epoch: number;
}

/** A logger whose every line carries migration, org, attempt and epoch. */
export function logOf(logger: Logger, { migrationId, orgId, attempt, epoch }: LogSubject): Logger {
  const subject = { migration: migrationId, org: orgId, attempt, epoch };
  const line =
    (level: keyof Logger): Line =>
    (fields, message) =>
      logger[level]({ ...subject, ...fields }, message);
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

/** The same for the work of an effect. */
export function runLog(
  logger: Logger,
  run: { readonly migration: Pick<MigrationContext, 'migrationId' | 'orgId' | 'attempt'>; readonly epoch: number },
): Logger {
  return logOf(logger, { ...run.migration, epoch: run.epoch });
}
