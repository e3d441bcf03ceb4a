import { z } from 'zod';
import { PlaceError } from '../../errors/index.ts';
import type { ClientHost } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { integer, text } from './rows.ts';

const row = z.object({ host: text, user: text, own: integer });

/**
 * Where this place's sessions come from. Our own has to be among them: where the server does not show sessions, none
 * seen proves nothing.
 */
export async function clientHosts({ watch, key }: PlaceContext, signal?: AbortSignal): Promise<readonly ClientHost[]> {
  const limits = { signal };
  const rows = await watch.use(
    'asking who is connected',
    (session) => session.rows(row, session.dialect.clients, [], limits),
    limits,
  );
  if (!rows.some(({ own }) => own === 1)) {
    throw new PlaceError(key.name, 'asking who is connected', new Error('the server does not show its sessions'));
  }
  const counted = Map.groupBy(rows, ({ host, user }) => `${withoutPort(host)} ${user}`);
  return [...counted.values()].map((same) => ({
    host: withoutPort(same[0]?.host ?? ''),
    user: same[0]?.user ?? '',
    sessions: same.length,
  }));
}

/** MariaDB writes `host:port`; an IPv6 address has colons of its own, and is followed by a port all the same. */
function withoutPort(host: string): string {
  return host.replace(/(?<=[^:]):\d+$/, '');
}
