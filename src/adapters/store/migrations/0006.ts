/**
 * Waves: their orgs, which of them moves for which wave, and which controller drives them. An org stands in one wave at
 * a time: `open_org_id` is null once its wave has ended. Each statement bears being carried out again.
 */
export const statements: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS waves (
     id VARCHAR(40) NOT NULL PRIMARY KEY,
     name VARCHAR(80) NOT NULL,
     state VARCHAR(20) NOT NULL,
     since_ms BIGINT NOT NULL,
     created_at_ms BIGINT NOT NULL,
     ended INT NOT NULL,
     orgs INT NOT NULL,
     document LONGTEXT NOT NULL,
     revision BIGINT NOT NULL,
     KEY open_ones (ended, id)
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `CREATE TABLE IF NOT EXISTS wave_orgs (
     wave_id VARCHAR(40) NOT NULL,
     org_id INT NOT NULL,
     open_org_id INT NULL,
     position INT NOT NULL,
     home_region VARCHAR(64) NOT NULL,
     row_estimate BIGINT NOT NULL,
     canary INT NOT NULL,
     asked_to_start INT NOT NULL DEFAULT 0,
     attempts_when_let_go INT NULL,
     refusal LONGTEXT NULL,
     PRIMARY KEY (wave_id, org_id),
     UNIQUE KEY open_org (open_org_id)
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `CREATE TABLE IF NOT EXISTS wave_driver (
     id INT NOT NULL PRIMARY KEY,
     owner VARCHAR(80) NULL,
     epoch BIGINT NOT NULL,
     seen_at DATETIME(3) NULL
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  'INSERT IGNORE INTO wave_driver (id, owner, epoch, seen_at) VALUES (1, NULL, 0, NULL)',
  'ALTER TABLE migrations ADD COLUMN wave_id VARCHAR(40) NULL',
  'ALTER TABLE migrations ADD KEY by_wave (wave_id, id)',
];
