import { z } from 'zod';
import { roles } from '../config/identity.ts';
import { type WaveCommandName, waveCommandNames } from '../service/waveStatus.ts';
import {
  actorOf,
  roleOfAcceptedLoss,
  roleOfCommand,
  roleOfFleetChange,
  roleOfFreeze,
  roleOfPurge,
  roleOfRepairRows,
  roleOfSchemaAccept,
  roleOfUnfreeze,
  roleOfVerify,
  roleOfWaveCommand,
} from './auth.ts';
import type { App } from './types.ts';

export const meSchema = z.object({
  name: z.string(),
  role: z.enum(roles),
  roles: z.array(z.enum(roles)).describe('Each may do all that the ones before it may'),
  needs: z.record(z.string(), z.enum(roles)).describe('The lowest role that may give each command'),
});
export type Me = z.output<typeof meSchema>;

/** Under which `needs` has a command to a wave: `waveStart`. */
export function needOfWave(name: WaveCommandName): string {
  return `wave${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

const needs: Me['needs'] = {
  ...roleOfCommand,
  acceptLoss: roleOfAcceptedLoss,
  verify: roleOfVerify,
  repairRows: roleOfRepairRows,
  acceptSchema: roleOfSchemaAccept,
  freeze: roleOfFreeze,
  unfreeze: roleOfUnfreeze,
  fleetChange: roleOfFleetChange,
  ...Object.fromEntries(waveCommandNames.map((name) => [needOfWave(name), roleOfWaveCommand[name]])),
  purge: roleOfPurge.order,
  purgePause: roleOfPurge.pause,
  purgeResume: roleOfPurge.resume,
  purgeCancel: roleOfPurge.cancel,
};

/** Whose token it is: so that nobody is offered what would be refused. */
export function meRoute(scope: App): void {
  scope.get(
    '/v1/me',
    {
      config: { role: 'viewer' },
      schema: { summary: 'Who asks, and which role each command needs', response: { 200: meSchema } },
    },
    async (request, reply) => {
      const { name, role } = actorOf(request);
      reply.header('cache-control', 'no-store');
      return { name, role, roles: [...roles], needs };
    },
  );
}
