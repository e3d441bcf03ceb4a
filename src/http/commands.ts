import { type CommandName, commandNames, type MigrationService, migrationStatusSchema } from '../service/status.ts';
import { actorOf, roleOfCommand } from './auth.ts';
import { etagOf } from './etag.ts';
import { commandBody, idParams } from './schemas.ts';
import type { App } from './types.ts';

const summaries: Readonly<Record<CommandName, string>> = {
  start: 'Begin: preflight, snapshot, replication',
  pause: 'Stop at the next safe place',
  resume: 'Go on after a pause',
  approve: 'Let a migration that is ready flip',
  rollback: 'Take the org back to the source without loss',
  complete: 'End the soak; the way back is given up',
  cancel: 'Give up before the commit point and clean up the target',
  retry: 'Try again what stopped',
};

/** One route for each command. Repeating a command whose effect is already there changes nothing. */
export function commandRoutes(scope: App, service: MigrationService): void {
  for (const command of commandNames) {
    scope.post(
      `/v1/migrations/:id/${command}`,
      {
        config: { role: roleOfCommand[command] },
        schema: {
          summary: summaries[command],
          params: idParams,
          body: commandBody,
          response: { 200: migrationStatusSchema },
        },
      },
      async (request, reply) => {
        const reason = request.body?.reason;
        const input = reason === undefined ? {} : { reason };
        const status = await service.command(request.params.id, command, input, actorOf(request));
        reply.header('etag', etagOf(status)).header('cache-control', 'no-store');
        return status;
      },
    );
  }
}
