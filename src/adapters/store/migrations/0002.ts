/** Second schema: the freeze, the audit log, answers kept for repeated requests. */
export const statements: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS freezes (
     id INT NOT NULL PRIMARY KEY,
     actor VARCHAR(120) NOT NULL,
     reason TEXT NOT NULL,
     since_ms BIGINT NOT NULL
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `CREATE TABLE IF NOT EXISTS audit (
     seq BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
     at_ms BIGINT NOT NULL,
     answers BIGINT NULL,
     entry LONGTEXT NOT NULL,
     UNIQUE KEY answers (answers)
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  `CREATE TABLE IF NOT EXISTS requests (
     actor VARCHAR(120) NOT NULL,
     request_key VARCHAR(255) NOT NULL,
     fingerprint CHAR(64) NOT NULL,
     begun_at DATETIME(3) NOT NULL,
     answer LONGTEXT NULL,
     PRIMARY KEY (actor, request_key),
     KEY by_age (begun_at)
   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
];
