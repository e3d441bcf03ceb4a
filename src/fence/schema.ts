import type { FenceWriter } from '../ports/place.ts';

/** Schema of the controller's own at every site and cluster. */
export const CONTROL_SCHEMA = 'bigdb_cutover';

/** What every refusal of the fence begins with. */
export const REFUSAL_PREFIX = 'BIGDB_FENCE org=';

/** What every trigger of the fence is called first. */
export const TRIGGER_PREFIX = 'bigdb_cutover_';

/** In the order of the ENUM. */
export const FENCE_WRITERS: readonly FenceWriter[] = ['clients', 'forward', 'reverse', 'nobody'];

/** Rows that prove that a read view holds still; several, so that concurrent flips do not wait for each other. */
export const PIN_PROBE_SLOTS = 16;

const NAME = 'VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin';

/** Tables that sites and clusters have alike. Every one of them is safe to run again. */
export function controlTables(): readonly string[] {
  const writers = FENCE_WRITERS.map((writer) => `'${writer}'`).join(', ');
  return [
    `CREATE DATABASE IF NOT EXISTS ${CONTROL_SCHEMA}`,
    // One row per org and place. A place changes its own rows only: two sites writing one key would stop replication.
    `CREATE TABLE IF NOT EXISTS ${CONTROL_SCHEMA}.fence (
      org_id BIGINT NOT NULL,
      place ${NAME} NOT NULL,
      writer ENUM(${writers}) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      epoch BIGINT UNSIGNED NOT NULL DEFAULT 0,
      updated_at DATETIME(6) NOT NULL,
      PRIMARY KEY (org_id, place)
    ) ENGINE = InnoDB`,
    // Carried by the tasks of the org. The last marker stays in the row while later beats count it up.
    `CREATE TABLE IF NOT EXISTS ${CONTROL_SCHEMA}.heartbeat (
      org_id BIGINT NOT NULL,
      site ${NAME} NOT NULL,
      seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
      written_at DATETIME(6) NOT NULL,
      epoch BIGINT UNSIGNED NULL,
      attempt BIGINT UNSIGNED NULL,
      nonce ${NAME} NULL,
      PRIMARY KEY (org_id, site)
    ) ENGINE = InnoDB`,
    `CREATE TABLE IF NOT EXISTS ${CONTROL_SCHEMA}.pin_probe (
      place ${NAME} NOT NULL,
      slot SMALLINT UNSIGNED NOT NULL,
      value BIGINT UNSIGNED NOT NULL DEFAULT 0,
      PRIMARY KEY (place, slot)
    ) ENGINE = InnoDB`,
  ];
}

/** A cluster says who it is in a row of its own; sites are known by their server id, as their schema replicates. */
export function identityTable(): string {
  return `CREATE TABLE IF NOT EXISTS ${CONTROL_SCHEMA}.identity (
    singleton TINYINT UNSIGNED NOT NULL DEFAULT 1,
    kind ${NAME} NOT NULL,
    name ${NAME} NOT NULL,
    home_region ${NAME} NOT NULL,
    PRIMARY KEY (singleton)
  ) ENGINE = InnoDB`;
}
