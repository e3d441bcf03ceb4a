import { randomUUID } from 'node:crypto';
import { CutoverError } from '../errors/base.ts';
import { statusOfError } from '../http/problemStatus.ts';
import type { Clock } from '../ports/clock.ts';
import type { OperationsStore } from '../ports/operations.ts';
import { fromHere, type Persons } from './persons.ts';

/** A command as the audit log has it, of those that need no controller. */
export interface LocalCommand {
  readonly action: string;
  readonly target: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/**
 * Carries out a command with its line in the audit log before it, and its outcome behind: as the API does, what cannot
 * be recorded is not carried out.
 */
export async function audited<T>(
  { store, clock }: { readonly store: OperationsStore; readonly clock: Clock },
  { approver, second }: Persons,
  { action, target, input }: LocalCommand,
  work: () => Promise<T>,
): Promise<T> {
  const seq = await store.auditCommand(
    {
      actor: approver.name,
      role: approver.role,
      from: fromHere(),
      action,
      target,
      input: { ...input, ...(second === null ? {} : { secondPerson: second.name }) },
      requestId: randomUUID(),
    },
    clock.nowMs(),
  );
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
