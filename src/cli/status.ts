import { type Api, findMigration } from './api.ts';
import type { Output } from './output.ts';
import { detailText, listText } from './text.ts';

/** Shows all migrations, or the one that is meant. */
export async function status(
  api: Api,
  { target, json }: { target: string | null; json: boolean },
  output: Output,
): Promise<void> {
  if (target === null) {
    const all = await api.list();
    output.out(json ? `${JSON.stringify(all)}\n` : listText(all, output.size?.().columns ?? null));
    return;
  }
  const one = await findMigration(api, target);
  output.out(json ? `${JSON.stringify(one)}\n` : detailText(one));
}
