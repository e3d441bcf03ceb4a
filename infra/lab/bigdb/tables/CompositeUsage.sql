-- Counters by day and feature; a key with a string part that does not begin with the org.
CREATE TABLE BigDB.CompositeUsage (
  Feature VARCHAR(60) NOT NULL,
  OrgID INT NOT NULL,
  UsageDate DATE NOT NULL,
  Calls INT UNSIGNED NOT NULL DEFAULT 0,
  Seconds BIGINT NOT NULL DEFAULT 0,
  WriteId BIGINT UNSIGNED NOT NULL DEFAULT 0,
  WriteSide TINYINT UNSIGNED NOT NULL DEFAULT {side},
  PRIMARY KEY (Feature, OrgID, UsageDate),
  KEY Org (OrgID)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci
