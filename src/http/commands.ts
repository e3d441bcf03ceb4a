import type { z } from 'zod';
import type { Role } from '../config/identity.ts';
import {
  type Actor,
  type CommandInput,
  type CommandName,
  commandNames,
  type MigrationService,
  type MigrationStatus,
  migrationStatusSchema,
} from '../service/status.ts';
import {
  actorOf,
  assertRole,
  roleOfAcceptedLoss,
  roleOfCommand,
  roleOfRepairRows,
  roleOfSchemaAccept,
  roleOfVerify,
} from './auth.ts';
import { etagOf } from './etag.ts';
import { commandBody, idParams, rollbackBody } from './schemas.ts';
import type { App } from './types.ts';

const summaries: Readonly<Record<CommandName, string>> = {
  start: 'Begin: preflight, snapshot, replication',
  pause: 'Stop at the next safe place',
  resume: 'Go on after a pause',
  approve: 'Let a migration that is ready flip',
  rollback: 'Take the org back to the source: without loss, unless an approver accepts one',
  complete: 'End the soak; the way back is given up',
  cancel: 'Give up before the commit point and clean up the target',
  retry: 'Try again what stopped',
};

/** One route for each command. Repeating a command whose effect is already there changes nothing. */
export function commandRoutes(scope: App, service: MigrationService): void {
  for (const command of commandNames) {
    route(scope, command, summaries[command], roleOfCommand[command], (id, input, actor) =>
      service.command(id, command, input, actor),
    );
  }
  route(scope, 'verify', 'Compare both sides now', roleOfVerify, (id, input, actor) =>
    service.verify(id, input, actor),
  );
  route(
    scope,
    'repair-rows',
    'Copy rows that differ from the side that serves the org',
    roleOfRepairRows,
    (id, input, actor) => service.repairRows(id, input, actor),
  );
  const acceptance = 'Go on over a schema that has changed, once both sides agree';
  route(scope, 'schema/accept', acceptance, roleOfSchemaAccept, (id, input, actor) =>
    service.acceptSchema(id, input, actor),
  );
}

function route(
  scope: App,
  path: string,
  summary: string,
  role: Role,
  give: (id: string, input: CommandInput, actor: Actor) => Promise<MigrationStatus>,
): void {
  scope.post(
    `/v1/migrations/:id/${path}`,
    {
      config: { role },
      schema: {
        summary,
        params: idParams,
        body: path === 'rollback' ? rollbackBody : commandBody,
        response: { 200: migrationStatusSchema },
      },
    },
    async (request, reply) => {
      const actor = actorOf(request);
      const { reason, acceptLoss = false }: z.output<typeof rollbackBody> & {} = request.body ?? {};
      if (acceptLoss) assertRole(actor.role, roleOfAcceptedLoss);
      const input = { ...(reason !== undefined && { reason }), ...(acceptLoss && { acceptLoss }) };
      const status = await give(request.params.id, input, actor);
      reply.header('etag', etagOf(status)).header('cache-control', 'no-store');
      return status;
    },
  );
}
