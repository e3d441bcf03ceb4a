import type { MigrationStatus } from '../../../src/service/status.ts';
import type { ControllerProcess } from '../estate/controllerProcess.ts';
import type { Lab } from '../estate/lab.ts';
import type { Workload } from '../workload/index.ts';
import type { LabApi } from './api.ts';

/** Time between two looks at a migration (milliseconds). */
const lookEveryMs = 100;
const endStates = new Set(['completed', 'rolledBack', 'cancelled']);

/** What a scenario acts on. */
export interface Stage {
  readonly lab: Lab;
  readonly api: LabApi;
  readonly workload: Workload;
  readonly controller: ControllerProcess;
  /** The last status seen of each org that moves. */
  readonly seen: Map<number, MigrationStatus>;
  readonly signal: AbortSignal;
  say(line: string): void;
}

/** A migration did not get where the scenario wants it. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
}

/** Polls until the condition holds. An org that ended or waits for an operator instead, or stays away too long, is an error. */
export async function until(
  stage: Stage,
  id: string,
  what: string,
  condition: (status: MigrationStatus) => boolean,
  withinMs = 90_000,
): Promise<MigrationStatus> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    stage.signal.throwIfAborted();
    const status = await stage.api.get(id);
    stage.seen.set(status.orgId, status);
    if (condition(status)) return status;
    const stuck = status.state === 'needsOperator' || endStates.has(status.state);
    if (stuck || Date.now() > deadline) {
      throw new ScenarioError(
        `org ${status.orgId} is in ${status.state}, not ${what}: ${status.reason?.message ?? status.waitsFor ?? 'no reason given'}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

/** Creates and starts the org's migration and takes it to `ready`. */
export async function toReady(stage: Stage, orgId: number, policy: Record<string, unknown> = {}): Promise<string> {
  const { id } = await stage.api.create(orgId, policy);
  await stage.api.command(id, 'start');
  await until(stage, id, 'ready', ({ state }) => state === 'ready');
  return id;
}

/** How often an org that is `ready` again is approved again: on a busy machine lag or budget may end an approval. */
const MORE_APPROVALS = 5;

/** As `until`, for an org that has been approved; it is approved again where it has come back to `ready`. */
export async function untilApproved(
  stage: Stage,
  id: string,
  what: string,
  condition: (status: MigrationStatus) => boolean,
): Promise<MigrationStatus> {
  for (let left = MORE_APPROVALS; ; left--) {
    const status = await until(stage, id, what, (now) => condition(now) || (left > 0 && now.state === 'ready'));
    if (condition(status)) return status;
    await stage.api.command(id, 'approve');
  }
}

/** Follows an approved org until the cluster serves it and its comparison is done. */
export async function untilSoaking(stage: Stage, id: string): Promise<MigrationStatus> {
  const status = await untilApproved(stage, id, 'soaking', ({ state }) => state.startsWith('soaking'));
  if (status.verification?.outcome === 'equal') return status;
  throw new ScenarioError(
    `org ${status.orgId} was not found equal: ${JSON.stringify(status.verification)} ${JSON.stringify(status.reason)}`,
  );
}

/** Approves, and follows the org until the cluster serves it and its comparison is done. */
export async function toSoaking(stage: Stage, id: string): Promise<void> {
  await stage.api.command(id, 'approve');
  await untilSoaking(stage, id);
}

/** Waits for so many acknowledged writes of the org from now on. */
export async function acknowledged(stage: Stage, orgId: number, writes: number): Promise<void> {
  const fromMs = Date.now();
  while (stage.workload.acknowledgedSince(orgId, fromMs) < writes) {
    stage.signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

/** Completes the move. */
export async function toCompleted(stage: Stage, id: string): Promise<void> {
  await stage.api.command(id, 'complete');
  await until(stage, id, 'completed', ({ state }) => state === 'completed');
}
