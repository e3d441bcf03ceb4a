-- A tech table: it belongs to no org and never travels with one. It exists at the sites only.
CREATE TABLE BigDB.Toolbox (
  ToolID INT UNSIGNED NOT NULL AUTO_INCREMENT,
  Name VARCHAR(80) NOT NULL,
  Value TEXT NULL,
  UpdatedAt TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (ToolID),
  UNIQUE KEY Name (Name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci
