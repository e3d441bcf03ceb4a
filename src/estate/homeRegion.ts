import type { MigrationContext } from '../../statecharts/context.ts';
import { HomeRegionChangedError } from '../errors/index.ts';
import type { Estate } from './estate.ts';

/**
 * Asked before every step that writes. Without an answer forward steps wait (the directory's error is transient); a
 * way back uses the last known one.
 */
export async function assertHomeRegion(
  estate: Estate,
  migration: MigrationContext,
  signal: AbortSignal,
): Promise<void> {
  if (migration.direction === 'back' && migration.serving !== 'source') return;
  const found = await estate.directory.homeRegion(migration.orgId, signal);
  if (found !== migration.homeRegion) {
    throw new HomeRegionChangedError(migration.orgId, migration.homeRegion, found);
  }
}
