import type { DatabaseAddress } from './sql/connect.ts';
import type { TargetAddress } from './task/target.ts';

export type EngineName = 'mysql' | 'mariadb' | 'aurora';

/** An endpoint as it was created. */
export interface Endpoint {
  readonly identifier: string;
  readonly arn: string;
  readonly type: 'source' | 'target';
  readonly engine: EngineName;
  readonly address: DatabaseAddress;
  readonly databaseName: string | null;
  readonly sslMode: string;
  readonly extraConnectionAttributes: string | null;
  readonly mySqlSettings: Record<string, unknown> | null;
  readonly initStatements: readonly string[];
  deleting: boolean;
}

export const ENGINE_DISPLAY_NAMES: Readonly<Record<EngineName, string>> = {
  mysql: 'MySQL',
  mariadb: 'MariaDB',
  aurora: 'Amazon Aurora MySQL',
};

/** The address as a target: with the statements that every connection begins with. */
export function targetOf(endpoint: Endpoint): TargetAddress {
  return { ...endpoint.address, initStatements: endpoint.initStatements };
}

/**
 * The statements behind `Initstmt=` (extra connection attributes) or AfterConnectScript. Attributes are separated by semicolons; what
 * follows the first statement and is no attribute of its own belongs to the script.
 */
export function initStatementsOf(attributes: string | undefined, afterConnect: string | undefined): string[] {
  const statements: string[] = [];
  let inScript = false;
  for (const part of (attributes ?? '').split(';')) {
    const text = part.trim();
    const match = /^(?:initstmt|afterconnectscript)\s*=\s*(.*)$/is.exec(text);
    if (match?.[1] !== undefined) {
      inScript = true;
      statements.push(match[1].trim());
    } else if (inScript && /^(?:set|select|call)\s/i.test(text)) {
      statements.push(text);
    } else {
      inScript = false;
    }
  }
  statements.push(...(afterConnect ?? '').split(';').map((statement) => statement.trim()));
  return statements.filter((statement) => statement !== '');
}
