/** Orders to purge, and which controller carries each out under which epoch. What people see of one is a record. */
export const statements: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS purges (
     seq BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
     migration_id VARCHAR(40) NOT NULL,
     org_id INT NOT NULL,
     home_region VARCHAR(64) NOT NULL,
     state VARCHAR(10) NOT NULL,
     epoch BIGINT NOT NULL,
     owner VARCHAR(80) NULL,
     UNIQUE KEY migration (migration_id),
     KEY by_state (state, seq)
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
];
