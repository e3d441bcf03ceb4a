import { CutoverError, messageOf } from '../errors/base.ts';
import { ApiProblemError } from './errors.ts';

/** Where a command writes; a test puts its own. */
export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** True where `out` is a screen that can be painted anew. */
  readonly screen: boolean;
  /** Characters that fit on it; none where it is no screen. */
  readonly size?: () => { readonly columns: number; readonly rows: number };
}

export const standardOutput: Output = {
  out: (text) => {
    process.stdout.write(text);
  },
  err: (text) => {
    process.stderr.write(text);
  },
  screen: process.stdout.isTTY === true,
  ...(process.stdout.isTTY === true && {
    // Asked each time: a window changes.
    size: () => ({ columns: process.stdout.columns ?? 80, rows: process.stdout.rows ?? 24 }),
  }),
};

/** What failed and what to do about it; a problem as JSON where JSON was asked for. */
export function reportFailure(error: unknown, json: boolean, output: Output): void {
  if (json) {
    output.err(`${JSON.stringify(problemOf(error))}\n`);
    return;
  }
  output.err(`bigdb-cutover: ${messageOf(error)}\n`);
  if (error instanceof CutoverError) output.err(`${error.remedy}\n`);
}

function problemOf(error: unknown): Record<string, unknown> {
  if (error instanceof ApiProblemError) return error.problem;
  if (error instanceof CutoverError) {
    return { code: error.code, detail: error.message, remedy: error.remedy, details: error.details };
  }
  return { code: 'INTERNAL', detail: messageOf(error), remedy: 'Report this as a defect.', details: {} };
}
