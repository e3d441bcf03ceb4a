import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import type { OrgTable } from '../ports/place.ts';
import { clusterIdentity, isIdentityOf, tableExists } from './check.ts';
import { without } from './enrolment.ts';
import { siteSide } from './install.ts';
import type { FenceCluster, FencePlan, FenceSite } from './plan.ts';
import { CONTROL_SCHEMA } from './schema.ts';
import { select } from './sql.ts';
import { definersGone, type InstalledTrigger, ownTriggers } from './triggerState.ts';
import { fenceTriggers, type TriggerEvent, type TriggerSide } from './triggers.ts';

/** `outdated`: there is one, of another configuration. */
export type TriggerState = 'installed' | 'outdated' | 'missing';

/** The triggers of one table at one place. */
export interface FenceTableStatus {
  readonly schema: string;
  readonly table: string;
  readonly triggers: Readonly<Record<TriggerEvent, TriggerState>>;
}

/** The fence at one place. */
export interface FencePlaceStatus {
  readonly place: string;
  readonly kind: 'site' | 'cluster';
  /** The control schema is there. */
  readonly schema: boolean;
  readonly identity: 'right' | 'wrong' | 'missing';
  readonly tables: readonly FenceTableStatus[];
  /** Accounts that the triggers run as and that do not exist: every write to the tables fails. */
  readonly definersGone: readonly string[];
  readonly orgsWithoutFenceRow: readonly number[];
  readonly orgsWithoutHeartbeatRow: readonly number[];
  /** How many orgs each class may write here. */
  readonly writers: Readonly<Record<string, number>>;
  readonly complete: boolean;
}

/** What is there of the fence, per place and table. Changes nothing. */
export async function fenceStatus(plan: FencePlan): Promise<readonly FencePlaceStatus[]> {
  const found: FencePlaceStatus[] = [];
  for (const site of plan.sites) {
    found.push(await placeStatus(plan, 'site', site, siteSide(plan), await siteIdentity(site)));
  }
  for (const cluster of plan.clusters) {
    const side: TriggerSide = { kind: 'cluster', name: cluster.name };
    found.push(await placeStatus(plan, 'cluster', cluster, side, await identityState(cluster)));
  }
  return found;
}

const serverIdRow = z.object({ serverId: z.number() });

async function siteIdentity({ serverId, connection }: FenceSite): Promise<FencePlaceStatus['identity']> {
  const [row] = await select(connection, serverIdRow, 'SELECT @@GLOBAL.server_id AS serverId');
  return row?.serverId === serverId ? 'right' : 'wrong';
}

async function identityState(cluster: FenceCluster): Promise<FencePlaceStatus['identity']> {
  const found = await clusterIdentity(cluster.connection);
  if (found === null) return 'missing';
  return isIdentityOf(cluster, found) ? 'right' : 'wrong';
}

async function placeStatus(
  plan: FencePlan,
  kind: 'site' | 'cluster',
  { name, connection }: { readonly name: string; readonly connection: Connection },
  side: TriggerSide,
  identity: FencePlaceStatus['identity'],
): Promise<FencePlaceStatus> {
  const there = await ownTriggers(connection);
  const schema = (await tableExists(connection, 'fence')) && (await tableExists(connection, 'heartbeat'));
  const status = {
    place: name,
    kind,
    schema,
    identity,
    tables: plan.tables.map((table) => tableStatus(plan, table, side, there)),
    definersGone: await definersGone(connection, there),
    orgsWithoutFenceRow: schema ? await without(connection, 'fence', 'place', name, plan.orgIds) : plan.orgIds,
    orgsWithoutHeartbeatRow: schema ? await without(connection, 'heartbeat', 'site', name, plan.orgIds) : plan.orgIds,
    writers: schema ? await writers(connection, name) : {},
  };
  return { ...status, complete: isComplete(status) };
}

function tableStatus(
  plan: FencePlan,
  table: OrgTable,
  side: TriggerSide,
  there: readonly InstalledTrigger[],
): FenceTableStatus {
  const wanted = fenceTriggers(table, side, plan.users);
  const state = (event: TriggerEvent): TriggerState => {
    const name = wanted.find((trigger) => trigger.event === event)?.name;
    const here = there.filter((t) => t.schema === table.schema && t.table === table.table && t.event === event);
    if (here.length === 0) return 'missing';
    return here.some((trigger) => trigger.name === name) ? 'installed' : 'outdated';
  };
  return {
    schema: table.schema,
    table: table.table,
    triggers: { INSERT: state('INSERT'), UPDATE: state('UPDATE'), DELETE: state('DELETE') },
  };
}

const writerRow = z.object({ writer: z.string(), orgs: z.number() });

async function writers(connection: Connection, place: string): Promise<Record<string, number>> {
  const rows = await select(
    connection,
    writerRow,
    `SELECT writer, COUNT(*) AS orgs FROM ${CONTROL_SCHEMA}.fence WHERE place = ? GROUP BY writer`,
    [place],
  );
  return Object.fromEntries(rows.map(({ writer, orgs }) => [writer, orgs]));
}

function isComplete(status: Omit<FencePlaceStatus, 'complete'>): boolean {
  return (
    status.schema &&
    status.identity === 'right' &&
    status.definersGone.length === 0 &&
    status.orgsWithoutFenceRow.length === 0 &&
    status.orgsWithoutHeartbeatRow.length === 0 &&
    status.tables.every((table) => Object.values(table.triggers).every((state) => state === 'installed'))
  );
}
