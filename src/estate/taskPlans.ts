import type { MigrationContext } from '../../statecharts/context.ts';
import type { TaskDirection, TaskPlan, TaskRef } from '../ports/replication.ts';
import { clusterOf, type Estate } from './estate.ts';

/** The org's task of this generation, one way. */
export function taskRef(migration: MigrationContext, direction: TaskDirection): TaskRef {
  return {
    orgId: migration.orgId,
    homeRegion: migration.homeRegion,
    direction,
    generation: migration.generation,
  };
}

/** The forward task carries the sites' heartbeats only. */
export function forwardPlan(estate: Estate, migration: MigrationContext): TaskPlan {
  return {
    ref: taskRef(migration, 'forward'),
    tables: estate.tables,
    heartbeatSites: estate.sites.map(({ name }) => name),
    largestLobBytes: migration.largestLobBytes,
  };
}

/** The reverse task carries the cluster's heartbeats only. */
export function reversePlan(estate: Estate, migration: MigrationContext): TaskPlan {
  return {
    ref: taskRef(migration, 'reverse'),
    tables: estate.tables,
    heartbeatSites: [clusterOf(estate, migration.homeRegion).name],
    largestLobBytes: migration.largestLobBytes,
  };
}
