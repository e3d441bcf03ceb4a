import { Client } from '../clients/client.ts';
import type { ClientConnection } from '../clients/options.ts';
import { SimProcess } from '../time/process.ts';
import { tables } from './choice.ts';
import { identityOf, siteNames, users } from './config.ts';
import type { World } from './world.ts';

/** Row ids of one client. */
const idsEach = 100_000;

/** Every org's clients, each at a proxy of its own choice; some go past the proxies. */
export function makeClients(world: Omit<World, 'clients'>): Client[] {
  const { choice, scheduler, proxies, databases, ledger, story } = world;
  const random = world.random.fork();
  const clients: Client[] = [];
  for (const org of choice.orgs) {
    const { user, schema, annotation } = identityOf(choice.routing, org.orgId);
    const add = (kind: string, connect: (process: SimProcess) => Promise<ClientConnection>) => {
      const number = clients.length + 1;
      const name = `client-${number}${kind}`;
      const process = new SimProcess(name, scheduler);
      clients.push(
        new Client({
          name,
          orgId: org.orgId,
          tables,
          process,
          random: random.fork(),
          ledger,
          reads: kind === '',
          habits: org.habits,
          annotation,
          firstId: number * idsEach,
          connect: () => connect(process),
          onStaleRead: (row, before, seen, host) => {
            // The sites follow each other with a delay at all times.
            if (world.sideOf(before.host) === world.sideOf(host)) return;
            const what = `${row.table} ${row.id} of org ${row.orgId}`;
            world.broken(
              2,
              `${what} was acknowledged by ${before.host} at version ${before.version}, and then read at ${host} as ${seen}`,
            );
          },
          onWrite: (outcome, waitedMs, error) => {
            if (outcome !== 'acknowledged') {
              const reason = error instanceof Error ? error.message : String(error);
              story.tell(name, `a write of org ${org.orgId} after ${Math.round(waitedMs)} ms: ${outcome}: ${reason}`);
            }
          },
        }),
      );
    };
    for (let index = 0; index < org.clients; index++) {
      const proxy = random.pick(proxies);
      add('', (process) => proxy.connectClient(process, user, schema));
    }
    if (org.direct) {
      const host = random.pick(siteNames);
      add('-direct', (process) => past(databases.connectBackend(process, { host, port: 3306 }, users.app), host));
    }
  }
  return clients;
}

/** A connection past the proxies, as a client has it. */
async function past(
  opening: ReturnType<World['databases']['connectBackend']>,
  host: string,
): Promise<ClientConnection> {
  const session = await opening;
  return {
    get open() {
      return session.open;
    },
    query: async (sql) => ({ ...(await session.query(sql)), host }),
    close: () => session.close(),
  };
}
