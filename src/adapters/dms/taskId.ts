import { ReplicationRefusedError } from '../../errors/replication.ts';
import type { TaskDirection, TaskRef } from '../../ports/replication.ts';

/** DMS: 1 to 255 letters, digits and hyphens, a letter first, no trailing or double hyphen. It stores lower case. */
const prefixPattern = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const maxLength = 255;

/** Refuses a prefix that would make ids DMS does not take. */
export function checkTaskPrefix(prefix: string): void {
  if (!prefixPattern.test(prefix) || prefix.length > 100) {
    throw new ReplicationRefusedError(
      `task prefix "${prefix}" must be lower-case letters, digits and single hyphens, a letter first, at most 100`,
      { details: { prefix } },
    );
  }
}

/** Id of an org's task, as in `bigdb-org42-forward-g3`. */
export function taskIdOf(prefix: string, ref: TaskRef): string {
  for (const [name, value] of [
    ['orgId', ref.orgId],
    ['generation', ref.generation],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new ReplicationRefusedError(`a task's ${name} must be a whole number, not ${value}`, {
        details: { [name]: value },
      });
    }
  }
  const id = `${prefix}-org${ref.orgId}-${ref.direction}-g${ref.generation}`;
  if (id.length > maxLength) {
    throw new ReplicationRefusedError(`task id ${id} is longer than ${maxLength}`, { details: { id } });
  }
  return id;
}

/** What an id says; null for a task that is not ours. */
export function parseTaskId(
  prefix: string,
  id: string,
): { orgId: number; direction: TaskDirection; generation: number } | null {
  if (!id.startsWith(`${prefix}-`)) return null;
  const match = /^org(\d+)-(forward|reverse)-g(\d+)$/.exec(id.slice(prefix.length + 1));
  if (match === null) return null;
  return { orgId: Number(match[1]), direction: match[2] as TaskDirection, generation: Number(match[3]) };
}
