import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import mysql from 'mysql2/promise';
import { freePort, guardProcess } from '../databases/index.ts';

/** What could not be done to start a ProxySQL, and how to get on. */
export class ProxySqlLabError extends Error {
  override readonly name = 'ProxySqlLabError';
  readonly code: 'LAB_PROXYSQL_DID_NOT_START' | 'LAB_PROXYSQL_NOT_EXECUTABLE';
  readonly remedy: string;

  constructor(code: ProxySqlLabError['code'], message: string, remedy: string, cause?: unknown) {
    super(`${message} (${remedy})`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.remedy = remedy;
  }
}

export interface ProxySqlOptions {
  /** Names the folder of this instance under baseDir. */
  readonly name: string;
  readonly baseDir: string;
  readonly adminUser?: string;
  readonly adminPassword?: string;
  readonly mysqlPort?: number;
  readonly adminPort?: number;
  /** Initial `mysql-…` variables, without the prefix; a value of true or false is written as such. */
  readonly variables?: Readonly<Record<string, string | number | boolean>>;
}

/** A running ProxySQL: the real binary where there is one, else the stand-in, with the same interface. */
export interface ProxySqlServer {
  readonly name: string;
  /** Version of the real binary, such as `2.7.1`, or `stand-in`. */
  readonly kind: string;
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly adminPort: number;
  readonly adminUser: string;
  readonly adminPassword: string;
  /** Of the process that runs now; another one after `restart()`. */
  readonly pid: number;
  /** Ends it in order (SIGTERM) and waits. */
  stop(): Promise<void>;
  /** Sends a signal; resolves when the process is gone if the signal was SIGKILL or SIGTERM. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** SIGSTOP: connections stay open, nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Starts it again in the same folder, on the same ports: what was not saved to disk is forgotten. */
  restart(): Promise<void>;
}

const STAND_IN = fileURLToPath(new URL('./main.ts', import.meta.url));
const READY_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;

/**
 * Starts a ProxySQL on loopback and waits until both of its ports answer.
 * The real binary is taken from PROXYSQL_BIN, then from PATH; without one the stand-in is started.
 */
export async function startProxySql(options: ProxySqlOptions): Promise<ProxySqlServer> {
  const binary = await findProxySqlBinary();
  const kind = binary === undefined ? 'stand-in' : await versionOf(binary);
  const dataDir = join(options.baseDir, options.name);
  await mkdir(dataDir, { recursive: true });
  const adminUser = options.adminUser ?? 'cutover_admin';
  const adminPassword = options.adminPassword ?? 'cutover_admin';
  // Reached by the start only when the port was given: a free one may be lost to somebody else in between.
  for (let attempt = 1; ; attempt++) {
    const port = options.mysqlPort ?? (await freePort());
    const adminPort = options.adminPort ?? (await freePort());
    const configFile = join(dataDir, 'proxysql.cnf');
    await writeFile(configFile, configText({ ...options, dataDir, adminUser, adminPassword, port, adminPort }));
    const argv = ['-f', '-c', configFile, '-D', dataDir, '--no-version-check'];
    const run = () => launch(binary, argv, join(dataDir, 'log.txt'));
    const server = new RunningProxySql({ name: options.name, kind, port, adminPort, adminUser, adminPassword, run });
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.kill('SIGKILL');
      const portsWereGiven = options.mysqlPort !== undefined || options.adminPort !== undefined;
      if (portsWereGiven || attempt === 3) throw error;
      // The disk remembers the first file's ports: the next attempt needs an empty one.
      await rm(join(dataDir, 'proxysql.db'), { force: true });
    }
  }
}

/** Path of the real binary: PROXYSQL_BIN if it is set, else `proxysql` on PATH, else undefined. */
export async function findProxySqlBinary(): Promise<string | undefined> {
  const configured = process.env.PROXYSQL_BIN;
  if (configured !== undefined && configured !== '') {
    if (await isExecutable(configured)) return configured;
    throw new ProxySqlLabError(
      'LAB_PROXYSQL_NOT_EXECUTABLE',
      `PROXYSQL_BIN=${configured} cannot be executed`,
      'point it at a proxysql binary, or unset it to use the stand-in',
    );
  }
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder !== '' && (await isExecutable(join(folder, 'proxysql')))) return join(folder, 'proxysql');
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function versionOf(binary: string): Promise<string> {
  const child = spawn(binary, ['--version'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await new Promise<void>((resolve, reject) => child.once('close', () => resolve()).once('error', reject));
  return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? 'unknown';
}

interface ConfigInput extends ProxySqlOptions {
  readonly dataDir: string;
  readonly adminUser: string;
  readonly adminPassword: string;
  readonly port: number;
  readonly adminPort: number;
}

function configText(input: ConfigInput): string {
  const variables: Record<string, string | number | boolean> = {
    interfaces: `127.0.0.1:${input.port}`,
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
    `  mysql_ifaces=${JSON.stringify(`127.0.0.1:${input.adminPort}`)}`,
    '}',
    'mysql_variables=',
    '{',
    ...lines,
    '}',
    '',
  ].join('\n');
}

async function launch(binary: string | undefined, argv: string[], logFile: string): Promise<ChildProcess> {
  const log = await open(logFile, 'a');
  try {
    const [command, args] = binary === undefined ? [process.execPath, [STAND_IN, ...argv]] : [binary, argv];
    // A session of its own: Ctrl-C goes to the lab, which stops its proxies in order.
    const child = spawn(command, args, { stdio: ['ignore', log.fd, log.fd], detached: true });
    guardProcess(child);
    return child;
  } finally {
    await log.close();
  }
}

interface RunningInput {
  readonly name: string;
  readonly kind: string;
  readonly port: number;
  readonly adminPort: number;
  readonly adminUser: string;
  readonly adminPassword: string;
  readonly run: () => Promise<ChildProcess>;
}

class RunningProxySql implements ProxySqlServer {
  readonly name: string;
  readonly kind: string;
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly adminPort: number;
  readonly adminUser: string;
  readonly adminPassword: string;
  readonly #run: () => Promise<ChildProcess>;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();

  constructor(input: RunningInput) {
    this.name = input.name;
    this.kind = input.kind;
    this.port = input.port;
    this.adminPort = input.adminPort;
    this.adminUser = input.adminUser;
    this.adminPassword = input.adminPassword;
    this.#run = input.run;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  async start(): Promise<void> {
    for (let crashes = 0; ; crashes++) {
      try {
        return await this.#startOnce();
      } catch (error) {
        // ProxySQL 2.7.1 was seen to crash now and then while it starts on a busy machine; what supervises it starts it again.
        if (this.#child?.signalCode !== 'SIGSEGV' || crashes === 2) throw error;
      }
    }
  }

  async #startOnce(): Promise<void> {
    const child = await this.#run();
    this.#child = child;
    let failure = '';
    this.#gone = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        failure = `it ended with ${signal ?? `exit code ${code}`}`;
        resolve();
      });
      child.once('error', (error) => {
        failure = error.message;
        resolve();
      });
    });
    const deadline = Date.now() + READY_TIMEOUT_MS;
    let last: unknown;
    while (failure === '' && Date.now() < deadline) {
      try {
        await this.#proveReady();
        return;
      } catch (error) {
        last = error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    throw new ProxySqlLabError(
      'LAB_PROXYSQL_DID_NOT_START',
      `ProxySQL ${this.name} (${this.kind}) does not answer on port ${this.adminPort}: ${failure || String(last)}`,
      'read log.txt in its folder',
      last,
    );
  }

  async #proveReady(): Promise<void> {
    const admin = await mysql.createConnection({
      host: this.host,
      port: this.adminPort,
      user: this.adminUser,
      password: this.adminPassword,
      connectTimeout: 2_000,
    });
    try {
      await admin.query('SELECT 1');
    } finally {
      admin.destroy();
    }
    // Nobody is allowed in there yet: a refusal by MySQL's protocol is the answer that is wanted.
    const refused = await mysql
      .createConnection({ host: this.host, port: this.port, user: 'nobody-yet', connectTimeout: 2_000 })
      .then((connection) => connection.destroy())
      .catch((error: { code?: string; errno?: number }) => error);
    if (refused !== undefined && refused.errno !== 1045) throw refused;
  }

  async stop(): Promise<void> {
    await this.kill('SIGTERM');
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    if (signal !== 'SIGKILL' && signal !== 'SIGTERM') return;
    // A frozen process takes a SIGTERM only after a SIGCONT.
    if (signal === 'SIGTERM') child.kill('SIGCONT');
    const hard = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#gone;
    clearTimeout(hard);
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async restart(): Promise<void> {
    await this.kill('SIGTERM');
    await this.start();
  }
}
