-- One row of about 300 bytes for each call; appended, hardly ever changed, deleted by retention.
CREATE TABLE BigDB.CallLogs (
  CallLogID BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  OrgID INT NOT NULL,
  StartedAt DATETIME(6) NOT NULL,
  AnsweredAt DATETIME(6) NULL,
  EndedAt DATETIME(6) NULL,
  Direction ENUM('in', 'out', 'internal') NOT NULL,
  CallerNumber VARCHAR(32) NOT NULL,
  CalleeNumber VARCHAR(32) NOT NULL,
  CallerName VARCHAR(80) NULL,
  DurationMs INT UNSIGNED NOT NULL DEFAULT 0,
  HangupCause SMALLINT NULL,
  Codec VARCHAR(16) NULL,
  MosScore DECIMAL(4,3) NULL,
  SipCallId VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  Notes VARCHAR(255) NULL,
  WriteId BIGINT UNSIGNED NOT NULL DEFAULT 0,
  WriteSide TINYINT UNSIGNED NOT NULL DEFAULT {side},
  PRIMARY KEY (CallLogID),
  KEY OrgStarted (OrgID, StartedAt),
  KEY Org (OrgID)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci
