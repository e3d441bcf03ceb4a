import { ReplicationRefusedError } from '../../errors/replication.ts';
import { pseudoOrgId, type TaskDirection, type TaskRef } from '../../ports/replication.ts';

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

/**
 * Id of an org's task, as in `bigdb-org42-forward-g3`. The pseudo org has one task for each home region, and home regions
 * may share a region of DMS: its ids name them, as in `bigdb-org0-reverse-g1-eu-west-2`.
 */
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
  const whose = ref.orgId === pseudoOrgId ? `-${ref.homeRegion}` : '';
  const id = `${prefix}-org${ref.orgId}-${ref.direction}-g${ref.generation}${whose}`;
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
  const match = /^org(\d+)-(forward|reverse)-g(\d+)(-[a-z0-9-]+)?$/.exec(id.slice(prefix.length + 1));
  if (match === null) return null;
  const orgId = Number(match[1]);
  if ((orgId === pseudoOrgId) !== (match[4] !== undefined)) return null;
  return { orgId, direction: match[2] as TaskDirection, generation: Number(match[3]) };
}
