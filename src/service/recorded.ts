import { CutoverError } from '../errors/base.ts';
import { statusOfError } from '../errors/httpStatus.ts';
import type { Clock } from '../ports/clock.ts';
import type { AuditedCommand, OperationsStore } from '../ports/operations.ts';

/**
 * Carries out a command that comes by no request, with its line in the audit log before it and its outcome behind: as
 * the API does, what cannot be recorded is not carried out.
 */
export async function recorded<T>(
  { store, clock }: { readonly store: Pick<OperationsStore, 'auditCommand' | 'auditOutcome'>; readonly clock: Clock },
  command: AuditedCommand,
  work: () => Promise<T>,
): Promise<T> {
  const seq = await store.auditCommand(command, clock.nowMs());
  try {
    const result = await work();
    await store.auditOutcome(seq, { status: 200, code: null }, clock.nowMs());
    return result;
  } catch (error) {
    const outcome =
      error instanceof CutoverError
        ? { status: statusOfError(error), code: error.code }
        : { status: 500, code: 'INTERNAL' };
    // What went wrong first is what is told.
    await store.auditOutcome(seq, outcome, clock.nowMs()).catch(() => {});
    throw error;
  }
}
