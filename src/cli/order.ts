import type { CommandName, MigrationStatus } from '../service/status.ts';
import { type Api, findMigration, newestOf, orgIdOf } from './api.ts';
import type { OrderInput } from './args.ts';
import type { Output } from './output.ts';
import { lineText } from './text.ts';

/** Gives one command to one migration. `start` of an org that has no open migration plans one first. */
export async function order(
  api: Api,
  command: CommandName,
  { target, json, ...input }: { target: string; json: boolean } & OrderInput,
  output: Output,
): Promise<void> {
  const orgId = orgIdOf(target);
  const migration =
    command === 'start' && orgId !== null ? await openOrPlanned(api, orgId) : await findMigration(api, target);
  const status = await api.command(migration.id, command, input);
  output.out(json ? `${JSON.stringify(status)}\n` : `${lineText(status)}\n`);
}

/** Takes the changed schema for one migration. */
export async function acceptSchema(
  api: Api,
  { target, reason, json }: { target: string; reason: string | null; json: boolean },
  output: Output,
): Promise<void> {
  const status = await api.acceptSchema((await findMigration(api, target)).id, reason);
  output.out(json ? `${JSON.stringify(status)}\n` : `${lineText(status)}\n`);
}

/** Has both sides of one migration compared, and what differs repaired. */
export async function verify(
  api: Api,
  command: 'verify' | 'repair-rows',
  { target, reason, json }: { target: string; reason: string | null; json: boolean },
  output: Output,
): Promise<void> {
  const { id } = await findMigration(api, target);
  const status = command === 'verify' ? await api.verify(id, reason) : await api.repairRows(id, reason);
  output.out(json ? `${JSON.stringify(status)}\n` : `${lineText(status)}\n`);
}

async function openOrPlanned(api: Api, orgId: number): Promise<MigrationStatus> {
  const found = newestOf(await api.list({ orgId }));
  return found !== undefined && found.outcome === null ? found : api.create(orgId);
}
