import { parse, stringify } from 'yaml';
import { LabApi } from '../../infra/lab/demo/api.ts';
import { type ControllerProcess, startController } from '../../infra/lab/estate/controllerProcess.ts';
import { type Lab, type LabOptions, startLab } from '../../infra/lab/estate/lab.ts';
import type { MigrationStatus } from '../../src/service/status.ts';
import type { LooseConfig } from '../e2e/stage.ts';

const lookEveryMs = 100;

/** A lab with one controller whose rollbacks at once are limited as asked. */
export interface GuardLab {
  readonly lab: Lab;
  readonly api: LabApi;
  readonly controller: ControllerProcess;
  /** Polls the migration until the condition holds. */
  until(
    id: string,
    what: string,
    condition: (status: MigrationStatus) => boolean,
    withinMs?: number,
  ): Promise<MigrationStatus>;
  /** Creates and starts a migration; resolves when it is ready. */
  toReady(orgId: number, policy?: Record<string, unknown>): Promise<string>;
  /** Moves an org and resolves when it soaks on the cluster. */
  toSoaking(orgId: number, policy?: Record<string, unknown>): Promise<string>;
  stop(): Promise<void>;
}

/** @param changes to the controller's configuration, made once the lab runs */
export async function startGuardLab(
  options: LabOptions,
  atOnce: number,
  changes: (config: LooseConfig, lab: Lab) => Promise<void> | void = () => {},
): Promise<GuardLab> {
  const lab = await startLab(options);
  let controller: ControllerProcess;
  try {
    const { text, env } = lab.config('guards');
    const config: LooseConfig = { ...(parse(text) as Record<string, unknown>), rollback: { atOnce } };
    await changes(config, lab);
    controller = await startController('guards', { text: stringify(config), env }, lab.baseDir);
  } catch (error) {
    await lab.stop();
    throw error;
  }
  const api = new LabApi(() => controller.api, lab.tokens);
  const until: GuardLab['until'] = async (id, what, condition, withinMs = 30_000) => {
    const deadlineMs = Date.now() + withinMs;
    for (;;) {
      const status = await api.get(id);
      if (condition(status)) return status;
      if (Date.now() > deadlineMs) {
        const events = await api.events(id);
        const last = events.slice(-8).map(({ state, message }) => `${state}: ${message}`);
        throw new Error(
          `org ${status.orgId} is in ${status.state}, not ${what}: ${status.waitsFor}\n${last.join('\n')}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  };
  const toReady: GuardLab['toReady'] = async (orgId, policy = {}) => {
    const { id } = await api.create(orgId, policy);
    await api.command(id, 'start');
    await until(id, 'ready', ({ state }) => state === 'ready');
    return id;
  };
  return {
    lab,
    api,
    controller,
    until,
    toReady,
    async toSoaking(orgId, policy) {
      const id = await toReady(orgId, policy);
      await api.command(id, 'approve');
      await until(id, 'soaking', ({ state }) => state.startsWith('soaking'));
      return id;
    },
    async stop() {
      await controller.stop();
      await lab.stop();
    },
  };
}
