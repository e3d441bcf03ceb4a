/**
 * Numbers of the rules that orgs share, and which controller looks after the proxies. Each statement bears being carried
 * out again.
 */
export const statements: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS shared_pairs (
     place VARCHAR(80) NOT NULL PRIMARY KEY,
     pair INT NOT NULL AUTO_INCREMENT UNIQUE
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `CREATE TABLE IF NOT EXISTS upkeep (
     id INT NOT NULL PRIMARY KEY,
     owner VARCHAR(80) NULL,
     until DATETIME(3) NULL,
     report LONGTEXT NULL
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  'INSERT IGNORE INTO upkeep VALUES (1, NULL, NULL, NULL)',
  // Whether anybody is held is asked before every command to a proxy.
  'ALTER TABLE served ADD KEY by_side (side)',
];
