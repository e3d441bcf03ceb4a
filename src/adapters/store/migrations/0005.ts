/**
 * What webhooks are to be told, and which controller delivers for each. A delivery waits while it has a due time. Each
 * statement bears being carried out again.
 */
export const statements: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS webhook_deliveries (
     seq BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
     id VARCHAR(64) NOT NULL,
     hook VARCHAR(63) NOT NULL,
     migration_id VARCHAR(40) NOT NULL,
     body LONGTEXT NOT NULL,
     made_at DATETIME(3) NOT NULL,
     due_at DATETIME(3) NULL,
     tries INT NOT NULL DEFAULT 0,
     outcome VARCHAR(10) NULL,
     answer VARCHAR(120) NULL,
     ended_at DATETIME(3) NULL,
     KEY due (hook, due_at, migration_id),
     KEY in_order (hook, migration_id, due_at),
     KEY by_age (made_at)
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `CREATE TABLE IF NOT EXISTS webhook_hooks (
     hook VARCHAR(63) NOT NULL PRIMARY KEY,
     owner VARCHAR(80) NULL,
     seen_at DATETIME(3) NOT NULL
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
];
