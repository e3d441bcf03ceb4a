/** What a ProxySQL starts with. */
export interface ConfigInput {
  /** Address on which both ports listen. */
  readonly listenOn: string;
  /** Initial `mysql-…` variables, without the prefix; a value of true or false is written as such. */
  readonly variables?: Readonly<Record<string, string | number | boolean>>;
  readonly dataDir: string;
  readonly adminUser: string;
  readonly adminPassword: string;
  readonly port: number;
  readonly adminPort: number;
}

/** Text of a `proxysql.cnf`. */
export function configText(input: ConfigInput): string {
  const variables: Record<string, string | number | boolean> = {
    interfaces: `${input.listenOn}:${input.port}`,
    threads: 2,
    // No account of its own at the databases; the lab's servers go ONLINE and OFFLINE by hand.
    monitor_enabled: false,
    ...input.variables,
  };
  const lines = Object.entries(variables).map(
    ([name, value]) => `  ${name}=${typeof value === 'string' ? JSON.stringify(value) : String(value)}`,
  );
  return [
    `datadir=${JSON.stringify(input.dataDir)}`,
    'admin_variables=',
    '{',
    // The user `admin` of the real one is let in from loopback only, and only a second user proves a TCP login.
    `  admin_credentials=${JSON.stringify(`admin:admin;${input.adminUser}:${input.adminPassword}`)}`,
    `  mysql_ifaces=${JSON.stringify(`${input.listenOn}:${input.adminPort}`)}`,
    '}',
    'mysql_variables=',
    '{',
    ...lines,
    '}',
    '',
  ].join('\n');
}
