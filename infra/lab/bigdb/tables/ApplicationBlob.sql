-- Whatever the applications park: from nothing to megabytes, under a key that tells lower case from upper case.
CREATE TABLE BigDB.ApplicationBlob (
  OrgID INT NOT NULL,
  BlobKey VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  ContentType VARCHAR(64) NOT NULL DEFAULT 'application/octet-stream',
  Content MEDIUMBLOB NULL,
  WriteId BIGINT UNSIGNED NOT NULL DEFAULT 0,
  WriteSide TINYINT UNSIGNED NOT NULL DEFAULT {side},
  PRIMARY KEY (OrgID, BlobKey)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci
