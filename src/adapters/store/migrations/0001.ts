/**
 * First schema: migrations with their journal, timeline, attempts, records, routes, inbox, controllers. Each statement
 * bears being carried out again: a run may be cut off between it and its record.
 */
export const statements: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS migrations (
     id VARCHAR(40) NOT NULL PRIMARY KEY,
     org_id INT NOT NULL,
     active_org_id INT NULL,
     home_region VARCHAR(64) NOT NULL,
     state VARCHAR(64) NOT NULL,
     since_ms BIGINT NOT NULL,
     created_at_ms BIGINT NOT NULL,
     journal LONGTEXT NOT NULL,
     revision BIGINT NOT NULL,
     epoch BIGINT NOT NULL,
     owner VARCHAR(80) NULL,
     next_seq BIGINT NOT NULL,
     UNIQUE KEY active_org (active_org_id),
     KEY by_org (org_id),
     KEY by_state (state, id),
     KEY by_region (home_region, id),
     KEY by_owner (owner)
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `CREATE TABLE IF NOT EXISTS timeline (
     migration_id VARCHAR(40) NOT NULL,
     seq BIGINT NOT NULL,
     at_ms BIGINT NOT NULL,
     type VARCHAR(20) NOT NULL,
     state VARCHAR(64) NOT NULL,
     attempt INT NULL,
     message TEXT NOT NULL,
     data LONGTEXT NOT NULL,
     PRIMARY KEY (migration_id, seq)
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `CREATE TABLE IF NOT EXISTS attempts (
     migration_id VARCHAR(40) NOT NULL,
     attempt INT NOT NULL,
     epoch BIGINT NOT NULL,
     direction VARCHAR(8) NOT NULL,
     hold_hostgroup INT NOT NULL,
     hold_in_use INT NULL,
     decision VARCHAR(8) NULL,
     pinned TEXT NULL,
     started_at_ms BIGINT NOT NULL,
     ended_at_ms BIGINT NULL,
     phases LONGTEXT NOT NULL,
     write_pause_ms DOUBLE NULL,
     read_pause_ms DOUBLE NULL,
     reason LONGTEXT NULL,
     PRIMARY KEY (migration_id, attempt),
     UNIQUE KEY hold_in_use (hold_in_use)
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `CREATE TABLE IF NOT EXISTS records (
     migration_id VARCHAR(40) NOT NULL,
     name VARCHAR(40) NOT NULL,
     value LONGTEXT NOT NULL,
     PRIMARY KEY (migration_id, name)
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `CREATE TABLE IF NOT EXISTS route_slots (
     org_id INT NOT NULL PRIMARY KEY,
     slot INT NOT NULL AUTO_INCREMENT UNIQUE
   ) ENGINE=InnoDB`,
  `CREATE TABLE IF NOT EXISTS hold_sequence (id INT NOT NULL PRIMARY KEY, last_hostgroup INT NOT NULL) ENGINE=InnoDB`,
  `INSERT IGNORE INTO hold_sequence VALUES (1, 0)`,
  `CREATE TABLE IF NOT EXISTS inbox (
     id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
     migration_id VARCHAR(40) NOT NULL,
     command VARCHAR(20) NOT NULL,
     actor VARCHAR(120) NOT NULL,
     reason TEXT NULL
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `CREATE TABLE IF NOT EXISTS controllers (
     instance VARCHAR(80) NOT NULL PRIMARY KEY,
     seen_at DATETIME(3) NOT NULL
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
];
