-- What is known about each recorded call, as a JSON document. The AUTO_INCREMENT column is not the key's first one.
CREATE TABLE BigDB.RecordingMetadata (
  OrgID INT NOT NULL,
  RecordingID BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  Title VARCHAR(200) NOT NULL,
  Details JSON NULL,
  SizeBytes BIGINT UNSIGNED NOT NULL DEFAULT 0,
  RecordedAt DATETIME(3) NOT NULL,
  WriteId BIGINT UNSIGNED NOT NULL DEFAULT 0,
  WriteSide TINYINT UNSIGNED NOT NULL DEFAULT {side},
  PRIMARY KEY (OrgID, RecordingID),
  KEY Recording (RecordingID)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci
