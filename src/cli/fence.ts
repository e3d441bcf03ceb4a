import { type Connection, createConnection } from 'mysql2/promise';
import { z } from 'zod';
import { systemClock } from '../adapters/clock.ts';
import { type Config, loadConfig } from '../config/index.ts';
import { CutoverError } from '../errors/base.ts';
import { DirectoryUnavailableError } from '../errors/directory.ts';
import { PlaceError } from '../errors/place.ts';
import {
  type FencePlaceStatus,
  type FencePlan,
  type FenceRemoveReport,
  fenceStatus,
  installFence,
  refreshFence,
  removeFence,
} from '../fence/index.ts';
import type { FenceInvocation } from './args.ts';
import { audited } from './audited.ts';
import { FenceCommandError } from './errors.ts';
import { type ExitCode, exitCodes } from './exitCodes.ts';
import type { Output } from './output.ts';
import { personsFor } from './persons.ts';
import { table } from './text.ts';

const connectTimeoutMs = 10_000;

/**
 * Installs, shows, refreshes or removes the fence, straight at the databases: it has to work when no controller does. `status`
 * ends with 1 where something is missing.
 */
export async function fence(
  invocation: FenceInvocation,
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
): Promise<ExitCode> {
  const config = loadConfig(invocation.config, env);
  const open: Connection[] = [];
  try {
    const plan = await planOf(config, invocation, open);
    return await carryOut(config, invocation, plan, output);
  } catch (error) {
    throw error instanceof CutoverError ? error : new FenceCommandError(invocation.action, error);
  } finally {
    for (const connection of open) connection.destroy();
  }
}

async function carryOut(
  config: Config,
  { action, removal, json }: FenceInvocation,
  plan: FencePlan,
  output: Output,
): Promise<ExitCode> {
  if (action === 'status') {
    const places = await fenceStatus(plan);
    show(places, statusText, json, output);
    return places.every((place) => place.complete) ? exitCodes.ok : exitCodes.failed;
  }
  show(await change(config, action, removal, plan), reportText, json, output);
  return exitCodes.ok;
}

function change(
  config: Config,
  action: 'install' | 'refresh' | 'remove',
  removal: FenceInvocation['removal'],
  plan: FencePlan,
): Promise<object> {
  if (removal !== null) return remove(config, removal, plan);
  return action === 'refresh' ? refreshFence(plan) : installFence(plan);
}

/** By two people, and only where the store can take the line of the audit log: nobody is in a hurry to be unprotected. */
async function remove(
  config: Config,
  { reason, tokens }: NonNullable<FenceInvocation['removal']>,
  plan: FencePlan,
): Promise<FenceRemoveReport> {
  const persons = await personsFor('fence remove', config, tokens, null);
  // Loaded for this alone: the other actions do without the controller's drivers.
  const { openStore } = await import('../controller.ts');
  const store = openStore(config);
  try {
    const clock = systemClock;
    return await audited({ store, clock }, persons, { action: 'fence remove', target: '', input: { reason } }, () =>
      removeFence(plan),
    );
  } finally {
    await store.close();
  }
}

/** Connections to every place, as the account that owns the triggers, and every org that is to have its rows. */
async function planOf(config: Config, invocation: FenceInvocation, open: Connection[]): Promise<FencePlan> {
  const { account } = invocation;
  const connected = async <P extends Config['sites'][number] | Config['clusters'][number]>(place: P) => {
    try {
      const connection = await connect({ ...place, ...account });
      open.push(connection);
      return { ...place, connection };
    } catch (error) {
      throw new PlaceError(place.name, 'connecting', error);
    }
  };
  const orgIds = invocation.orgIds.length > 0 ? invocation.orgIds : await allOrgs(config);
  const sites = [];
  for (const site of config.sites) sites.push(await connected(site));
  const clusters = [];
  for (const cluster of config.clusters) clusters.push(await connected(cluster));
  return { sites, clusters, tables: config.catalogue.tables, users: config.fence.users, orgIds };
}

function connect({
  host,
  port,
  user,
  password,
  tls,
}: Pick<Config['store'], 'host' | 'port' | 'user' | 'password' | 'tls'>) {
  return createConnection({
    host,
    port,
    user,
    password,
    connectTimeout: connectTimeoutMs,
    timezone: 'Z',
    ...(tls && { ssl: tls }),
  });
}

const orgRows = z.array(z.object({ orgId: z.union([z.number(), z.string()]).transform(Number) }));

/** Every org of CoreDB: an org without its row would be refused at a cluster, and could not be closed at a site. */
async function allOrgs({ coredb }: Config): Promise<readonly number[]> {
  let connection: Connection | undefined;
  try {
    connection = await connect(coredb);
    // The configuration takes plain identifiers only.
    const [rows] = await connection.query(
      `SELECT \`${coredb.orgColumn}\` AS orgId FROM \`${coredb.schema}\`.\`${coredb.table}\` ORDER BY 1`,
    );
    return orgRows.parse(rows).map((row) => row.orgId);
  } catch (error) {
    throw new DirectoryUnavailableError('the orgs could not be read from CoreDB', { cause: error });
  } finally {
    connection?.destroy();
  }
}

function show<T>(result: T, text: (result: T) => string, json: boolean, output: Output): void {
  output.out(json ? `${JSON.stringify(result)}\n` : text(result));
}

/** `triggersMade: 21` → `triggers made  21` */
function reportText(report: object): string {
  return Object.entries(report)
    .map(([what, count]) => `${what.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).padEnd(22)} ${count}\n`)
    .join('');
}

function statusText(places: readonly FencePlaceStatus[]): string {
  const rows = places.map((place) => {
    const triggers = place.tables.flatMap((each) => Object.values(each.triggers));
    const installed = triggers.filter((state) => state === 'installed').length;
    const outdated = triggers.filter((state) => state === 'outdated').length;
    return [
      place.place,
      place.kind,
      place.complete ? 'yes' : 'NO',
      place.identity,
      `${installed} of ${triggers.length}${outdated > 0 ? `, ${outdated} outdated` : ''}`,
      place.schema ? String(place.orgsWithoutFenceRow.length) : 'all',
      place.schema ? String(place.orgsWithoutHeartbeatRow.length) : 'all',
      Object.entries(place.writers)
        .map(([writer, orgs]) => `${writer} ${orgs}`)
        .join(', '),
      place.definersGone.join(', '),
    ];
  });
  const header = [
    'PLACE',
    'KIND',
    'COMPLETE',
    'IDENTITY',
    'TRIGGERS',
    'NO FENCE ROW',
    'NO HEARTBEAT ROW',
    'OPEN TO',
    'DEFINERS GONE',
  ];
  return table(header, rows);
}
