import { z } from 'zod';
import {
  type FleetStatus,
  fleetStatusSchema,
  type ProxyStatus,
  proxyStatusSchema,
} from '../../../src/service/fleetStatus.ts';
import {
  type CommandName,
  type MigrationStatus,
  migrationStatusSchema,
  type TimelineEvent,
  timelineEventSchema,
} from '../../../src/service/status.ts';
import type { LabTokens } from '../estate/controllerConfig.ts';

/** The API said no. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';
  readonly status: number;
  readonly problem: unknown;

  constructor(call: string, status: number, problem: unknown) {
    super(`${call}: ${status} ${JSON.stringify(problem)}`);
    this.status = status;
    this.problem = problem;
  }
}

const eventsSchema = z.object({ items: z.array(timelineEventSchema) });

/** A migration engineer and an approver at the HTTP API. `address` is asked anew for each call: a controller may be restarted. */
export class LabApi {
  readonly #address: () => string;
  readonly #tokens: LabTokens;

  constructor(address: () => string, tokens: LabTokens) {
    this.#address = address;
    this.#tokens = tokens;
  }

  create = async (orgId: number, policy: Record<string, unknown> = {}): Promise<MigrationStatus> =>
    migrationStatusSchema.parse(await this.#call('operator', 'POST', '/v1/migrations', { orgId, policy }));

  get = async (id: string): Promise<MigrationStatus> =>
    migrationStatusSchema.parse(await this.#call('viewer', 'GET', `/v1/migrations/${id}`));

  command = async (id: string, command: CommandName, reason?: string): Promise<MigrationStatus> => {
    const role = command === 'approve' || command === 'complete' ? 'approver' : 'operator';
    const body = reason === undefined ? {} : { reason };
    return migrationStatusSchema.parse(await this.#call(role, 'POST', `/v1/migrations/${id}/${command}`, body));
  };

  acceptSchema = async (id: string, reason?: string): Promise<MigrationStatus> => {
    const body = reason === undefined ? {} : { reason };
    return migrationStatusSchema.parse(
      await this.#call('approver', 'POST', `/v1/migrations/${id}/schema/accept`, body),
    );
  };

  acceptLoss = async (id: string, reason: string, role: keyof LabTokens = 'approver'): Promise<MigrationStatus> => {
    const body = { acceptLoss: true, reason };
    return migrationStatusSchema.parse(await this.#call(role, 'POST', `/v1/migrations/${id}/rollback`, body));
  };

  /** Any other resource; the caller knows what it answers with. */
  read = (path: string, role: keyof LabTokens = 'viewer'): Promise<unknown> => this.#call(role, 'GET', path);
  post = (path: string, role: keyof LabTokens, body: unknown): Promise<unknown> => this.#call(role, 'POST', path, body);

  repairRows = async (id: string): Promise<MigrationStatus> =>
    migrationStatusSchema.parse(await this.#call('approver', 'POST', `/v1/migrations/${id}/repair-rows`, {}));

  verify = async (id: string): Promise<MigrationStatus> =>
    migrationStatusSchema.parse(await this.#call('operator', 'POST', `/v1/migrations/${id}/verify`, {}));

  fleet = async (): Promise<FleetStatus> => fleetStatusSchema.parse(await this.#call('viewer', 'GET', '/v1/fleet'));

  removeProxy = async (name: string, reason: string): Promise<ProxyStatus> =>
    proxyStatusSchema.parse(await this.#call('approver', 'POST', `/v1/fleet/${name}/remove`, { reason }));

  addProxy = async (name: string): Promise<ProxyStatus> =>
    proxyStatusSchema.parse(await this.#call('approver', 'POST', `/v1/fleet/${name}/add`));

  /** The whole timeline. */
  events = async (id: string): Promise<TimelineEvent[]> => {
    const all: TimelineEvent[] = [];
    for (;;) {
      const after = all.at(-1)?.seq ?? 0;
      const page = await this.#call('viewer', 'GET', `/v1/migrations/${id}/events?after=${after}&limit=200`);
      const { items } = eventsSchema.parse(page);
      if (items.length === 0) return all;
      all.push(...items);
    }
  };

  async #call(role: keyof LabTokens, method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(this.#address() + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#tokens[role]}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new ApiRefusal(`${method} ${path}`, response.status, answer);
    return answer;
  }
}
