import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationStatus } from '../service/status.ts';
import { type Api, findMigration } from './api.ts';
import type { Output } from './output.ts';
import { detailText, lineText, listText } from './text.ts';

const clearScreen = '\x1b[H\x1b[2J';

/** Shows all migrations, or the one that is meant. */
export async function status(
  api: Api,
  { target, json }: { target: string | null; json: boolean },
  output: Output,
): Promise<void> {
  if (target === null) {
    const all = await api.list();
    output.out(json ? `${JSON.stringify(all)}\n` : listText(all));
    return;
  }
  const one = await findMigration(api, target);
  output.out(json ? `${JSON.stringify(one)}\n` : detailText(one));
}

/**
 * Shows the same again and again: a screen is painted anew, elsewhere a line is written for each change. One migration
 * is watched until it has ended, all of them until the signal.
 */
export async function watch(
  api: Api,
  { target, json, intervalMs }: { target: string | null; json: boolean; intervalMs: number },
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  // An org may start another migration while this one is watched: what was meant at first stays meant.
  const id = target === null ? null : (await findMigration(api, target)).id;
  const seen = new Map<string, string>();
  while (!signal.aborted) {
    const all = id === null ? await api.list() : [await api.get(id)];
    if (output.screen && !json)
      output.out(`${clearScreen}${id === null ? listText(all) : all.map(detailText).join('')}`);
    else for (const each of all) showChange(each, seen, json, output);
    if (id !== null && all.every((each) => each.outcome !== null)) return;
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}

function showChange(status: MigrationStatus, seen: Map<string, string>, json: boolean, output: Output): void {
  const line = json ? JSON.stringify(status) : lineText(status);
  if (seen.get(status.id) === line) return;
  seen.set(status.id, line);
  output.out(`${line}\n`);
}
