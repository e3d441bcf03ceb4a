import { z } from 'zod';
import { CutoverError, PlaceError, PlaceRefusedError } from '../../errors/index.ts';

/** The server's error numbers that this adapter acts on. */
export const SERVER_ERROR = {
  lockWaitTimeout: 1205,
  deadlock: 1213,
  noSuchThread: 1094,
  noSuchQuery: 1957,
  queryInterrupted: 1317,
} as const;

// Access, unknown schema, table or column, syntax, SIGNAL of a trigger, creation of triggers not trusted: the same call
// fails again until somebody changes something.
const REFUSALS: ReadonlySet<number> = new Set([1044, 1045, 1049, 1054, 1064, 1142, 1143, 1146, 1227, 1419, 1644, 1698]);

const serverError = z.object({ errno: z.number() });

/** The server's (or the operating system's) error number, if the error carries one. */
export function errorNumber(error: unknown): number | null {
  const parsed = serverError.safeParse(error);
  return parsed.success ? parsed.data.errno : null;
}

/** True for the loser of a deadlock, who may simply try again. */
export function isDeadlock(error: unknown): boolean {
  return errorNumber(error) === SERVER_ERROR.deadlock;
}

export function isLockWaitTimeout(error: unknown): boolean {
  return errorNumber(error) === SERVER_ERROR.lockWaitTimeout;
}

/** Whatever a driver threw, as the error that the port promises; errors of ours pass unchanged. */
export function asPlaceError(place: string, action: string, error: unknown): CutoverError {
  if (error instanceof CutoverError) return error;
  const number = errorNumber(error);
  if (error instanceof z.ZodError || (number !== null && REFUSALS.has(number))) {
    return new PlaceRefusedError(place, action, error);
  }
  return new PlaceError(place, action, error);
}
