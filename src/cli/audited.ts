import { randomUUID } from 'node:crypto';
import type { Clock } from '../ports/clock.ts';
import type { OperationsStore } from '../ports/operations.ts';
import { recorded } from '../service/recorded.ts';
import { fromHere, type Persons } from './persons.ts';

/** A command as the audit log has it, of those that need no controller. */
export interface LocalCommand {
  readonly action: string;
  readonly target: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** Carries out a command with its line in the audit log before it, and its outcome behind. */
export async function audited<T>(
  { store, clock }: { readonly store: OperationsStore; readonly clock: Clock },
  { approver, second }: Persons,
  { action, target, input }: LocalCommand,
  work: () => Promise<T>,
): Promise<T> {
  const command = {
    actor: approver.name,
    role: approver.role,
    from: fromHere(),
    action,
    target,
    input: { ...input, ...(second === null ? {} : { secondPerson: second.name }) },
    requestId: randomUUID(),
  };
  return recorded({ store, clock }, command, work);
}
