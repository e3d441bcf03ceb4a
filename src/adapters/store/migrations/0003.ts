/**
 * Which proxies count: one row that all controllers lock, one for each proxy, and the record of every change. Each
 * statement bears being carried out again.
 */
export const statements: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS fleet_state (
     id INT NOT NULL PRIMARY KEY,
     revision BIGINT NOT NULL,
     joining VARCHAR(80) NULL,
     joining_token VARCHAR(40) NULL,
     joining_until DATETIME(3) NULL
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `INSERT IGNORE INTO fleet_state VALUES (1, 1, NULL, NULL, NULL)`,
  `CREATE TABLE IF NOT EXISTS fleet_proxies (
     name VARCHAR(80) NOT NULL PRIMARY KEY,
     standing VARCHAR(10) NOT NULL,
     since_ms BIGINT NOT NULL,
     actor VARCHAR(120) NULL,
     reason TEXT NULL,
     evidence LONGTEXT NOT NULL,
     facts TEXT NULL
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `CREATE TABLE IF NOT EXISTS fleet_changes (
     id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
     name VARCHAR(80) NOT NULL,
     standing VARCHAR(10) NOT NULL,
     at_ms BIGINT NOT NULL,
     actor VARCHAR(120) NOT NULL,
     reason TEXT NULL,
     evidence LONGTEXT NOT NULL
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
];
