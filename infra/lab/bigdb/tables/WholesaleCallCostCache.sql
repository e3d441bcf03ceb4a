-- Costs by carrier and number prefix: a cache whose rows are changed and deleted all the time.
CREATE TABLE BigDB.WholesaleCallCostCache (
  OrgID INT NOT NULL,
  CarrierID INT UNSIGNED NOT NULL,
  Prefix VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  RatePerMinute DECIMAL(18,8) NOT NULL,
  SetupCost DECIMAL(10,4) NULL,
  Currency CHAR(3) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL DEFAULT 'GBP',
  ValidFrom DATE NOT NULL,
  WriteId BIGINT UNSIGNED NOT NULL DEFAULT 0,
  WriteSide TINYINT UNSIGNED NOT NULL DEFAULT {side},
  PRIMARY KEY (OrgID, CarrierID, Prefix)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci
