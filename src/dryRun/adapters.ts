import type { Heartbeat, Marker, Place, ReadView } from '../ports/place.ts';
import type { Replication, TaskPlan, TaskRef } from '../ports/replication.ts';
import type { FleetProxy, Route, RouteOwner, RouteState, Routing } from '../ports/routing.ts';
import type { Store } from '../ports/store.ts';
import { type DryRecord, only } from './record.ts';

/** How the adapters in use say what they would write: from the builders that they write with. */
export interface Describe {
  route(owner: RouteOwner, step: string, route: Route): { comment: string; rules: readonly object[] };
  /** What a comment of `route` says. */
  stateOf(comment: string): RouteState;
  task(plan: TaskPlan): Readonly<Record<string, unknown>>;
  taskId(ref: TaskRef): string;
}

const positionOfThen = { file: 'where the binlog stands then', position: 0, gtid: '' };

/** Markers as they would have arrived at every place. */
export type Markers = Heartbeat[];

/** A site or cluster that is read and never written. */
export function dryPlace(place: Place, record: DryRecord, markers: Markers): Place {
  const { name, kind, homeRegion } = place;
  const act = (what: string, details: Record<string, unknown> = {}) => record.act(name, what, details);
  const view: ReadView = { query: async () => [], close: async () => {} };
  return only<Place>(name, {
    name,
    kind,
    homeRegion,
    shapes: (tables) => place.shapes(tables),
    preparedXa: async () => [],
    isAt: () => true,
    counts: async () => [],
    binlogPosition: async () => positionOfThen,
    readFence: async () => null,
    enrol: async (orgId, writer, arriving = []) =>
      act(`fence and heartbeat rows of org ${orgId}, where they are missing`, { writer, arriving }),
    setFence: async (orgId, writer, epoch, timeoutMs) =>
      act(`fence row of org ${orgId}: ${writer}`, { place: name, writer, epoch, timeoutMs }),
    writeMarker: async (orgId, marker: Marker) => {
      act(`a marker in the heartbeat of org ${orgId}`, { epoch: marker.epoch, attempt: marker.attempt });
      markers.push({ site: name, seq: 0, writtenAt: '', marker });
    },
    readHeartbeats: async (orgIds) => {
      record.waits(`the markers to be seen at ${name}`);
      return new Map(orgIds.map((orgId) => [orgId, [...markers]]));
    },
    openViews: async (count) => {
      act(`${count} read views of this moment`);
      return Array.from({ length: count }, () => view);
    },
    forgetHeartbeats: async (orgId) => act(`heartbeat rows of org ${orgId} that came from elsewhere are removed`),
    deleteOrgRows: async (tables, orgId, epoch) => {
      act(`the rows of org ${orgId} are deleted`, { tables: tables.map(({ table }) => table), epoch });
      return 0;
    },
  });
}

/** A proxy whose rules change here alone. */
export function dryProxy({ name }: FleetProxy, record: DryRecord, describe: Describe): FleetProxy {
  let state: RouteState = { comment: null, route: null, epoch: 0, attempt: 0 };
  const set = (owner: RouteOwner, step: string, route: Route) => {
    const { comment, rules } = describe.route(owner, step, route);
    state = describe.stateOf(comment);
    record.act(name, `rules of org ${owner.orgId}: ${routeText(route)}; saved, loaded, read back`, { comment, rules });
    return comment;
  };
  return only<FleetProxy>(name, {
    name,
    readRoute: async () => state,
    prepare: async (owner) => {
      set(owner, 'prepare', { kind: 'source' });
      return state;
    },
    setRoute: async (owner, step, route) => set(owner, step, route),
    openHold: async (_owner, holdHostgroup, side) =>
      record.act(name, `hold hostgroup ${holdHostgroup} gets the servers of the ${side}: what waits goes through`),
    blockingSessions: async (owner, side) => {
      record.waits(`every session of org ${owner.orgId} at ${name} to be at rest on the ${side}`);
      return { blocking: [], openSinceHold: new Map() };
    },
    readers: async () => [],
    retireHold: async (holdHostgroup) => {
      record.act(name, `hold hostgroup ${holdHostgroup} is taken away when no session has it any more`);
      return true;
    },
  });
}

export function dryRouting(routing: Routing, proxies: readonly FleetProxy[]): Routing {
  return only<Routing>('routing', {
    proxies,
    refresh: () => routing.refresh(),
    recent: async () => {},
    counts: () => true,
    tellsErrorsApart: routing.tellsErrorsApart,
  });
}

/** DMS with the tasks that exist, and those that would have been made by then. */
export function dryReplication(existing: readonly string[], record: DryRecord, describe: Describe): Replication {
  const tasks = new Set(existing);
  const act = ({ homeRegion }: TaskRef, what: string, details: Readonly<Record<string, unknown>> = {}) =>
    record.act(`DMS ${homeRegion}`, what, details);
  return only<Replication>('replication', {
    ensureTask: async (plan) => {
      const id = describe.taskId(plan.ref);
      const there = tasks.has(id);
      tasks.add(id);
      act(plan.ref, `task ${id} ${there ? 'is there, and is compared with its plan' : 'is made'}`, describe.task(plan));
    },
    ensureStarted: async (ref, from) =>
      act(ref, `task ${describe.taskId(ref)} is started${from === null ? '' : ' from the pinned position'}`),
    ensureGone: async (ref) => {
      const id = describe.taskId(ref);
      if (tasks.delete(id)) act(ref, `task ${id} is stopped and deleted`);
    },
    tasksOf: async () => [...tasks],
    describeTasksOf: async () => [],
  });
}

export function dryStore(record: DryRecord): Store {
  return only<Store>('store', {
    putRecord: async (_id, name) => record.act('store', `record ${name}`),
    decide: async ({ attempt, decision, fleetRevision }) => {
      const details = fleetRevision === undefined ? {} : { fleetRevision };
      record.act('store', `the decision of attempt ${attempt}, written once: ${decision}`, details);
      return decision;
    },
    unretired: async () => [],
    retireAttempt: async (_id, attempt) =>
      record.act('store', `the hold hostgroup of attempt ${attempt} is free again`),
  });
}

function routeText(route: Route): string {
  switch (route.kind) {
    case 'held':
      return `writes wait in hostgroup ${route.holdHostgroup}, plain reads go to the ${route.serving}`;
    case 'parked':
      return `writes and reads wait in hostgroup ${route.holdHostgroup}`;
    default:
      return `everything goes to the ${route.kind}`;
  }
}
