/**
 * For the driver's connections: it lays out its cache of prepared statements in full for each of them (16,000 places,
 * 450 kB), and none is ever prepared here.
 */
export const noStatementCache = { maxPreparedStatements: 1 } as const;
