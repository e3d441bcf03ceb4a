import { SecondPersonError } from '../errors/index.ts';
import type { Store } from '../ports/store.ts';
import type { Actor } from './status.ts';

/** Four eyes: who created or started a move does not give this command too. */
export async function refuseTheStarter(
  store: Pick<Store, 'starters'>,
  id: string,
  command: string,
  actor: Actor,
): Promise<void> {
  const starters = await store.starters(id);
  if (starters.includes(actor.name)) throw new SecondPersonError(command, actor.name);
}
