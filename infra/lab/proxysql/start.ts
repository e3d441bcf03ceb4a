import { constants } from 'node:fs';
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import mysql from 'mysql2/promise';
import { freePort } from '../databases/index.ts';
import { imageOf, machineOf, type Program, thisMachine } from '../programs/index.ts';
import { configText } from './configText.ts';

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

/** Where a ProxySQL is, wherever it runs. */
export interface ProxySqlAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly adminPort: number;
  readonly adminUser: string;
  readonly adminPassword: string;
}

/** A running ProxySQL: the real binary where there is one, else the stand-in, with the same interface. */
export interface ProxySqlServer extends ProxySqlAddress {
  /** Version of the real binary, such as `2.7.1`, or `stand-in`. */
  readonly kind: string;
  readonly host: '127.0.0.1';
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
    await writeFile(
      configFile,
      configText({ ...options, listenOn: '127.0.0.1', dataDir, adminUser, adminPassword, port, adminPort }),
    );
    const argv = ['-f', '-c', configFile, '-D', dataDir, '--no-version-check'];
    const run = () => launch(binary, argv, dataDir);
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

/** The real binary: that of an image, PROXYSQL_BIN if it is set, else `proxysql` on PATH, else undefined. */
export async function findProxySqlBinary(): Promise<string | undefined> {
  if (imageOf('proxysql') !== null) return 'proxysql';
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
  const told = await machineOf('proxysql').run({ executable: binary, args: ['--version'], folder: tmpdir() });
  return /\d+\.\d+\.\d+/.exec(told)?.[0] ?? 'unknown';
}

function launch(binary: string | undefined, args: readonly string[], folder: string): Promise<Program> {
  const where = { folder, logFile: join(folder, 'log.txt') };
  return binary === undefined
    ? thisMachine.start({ executable: process.execPath, args: [STAND_IN, ...args], ...where })
    : machineOf('proxysql').start({ executable: binary, args, ...where });
}

interface RunningInput {
  readonly name: string;
  readonly kind: string;
  readonly port: number;
  readonly adminPort: number;
  readonly adminUser: string;
  readonly adminPassword: string;
  readonly run: () => Promise<Program>;
}

class RunningProxySql implements ProxySqlServer {
  readonly name: string;
  readonly kind: string;
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly adminPort: number;
  readonly adminUser: string;
  readonly adminPassword: string;
  readonly #run: () => Promise<Program>;
  #program: Program | undefined;

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
    return this.#program?.pid ?? -1;
  }

  async start(): Promise<void> {
    for (let crashes = 0; ; crashes++) {
      try {
        return await this.#startOnce();
      } catch (error) {
        // ProxySQL 2.7.1 was seen to crash now and then while it starts on a busy machine; what supervises it starts it again.
        if (this.#program?.ending !== 'SIGSEGV' || crashes === 2) throw error;
      }
    }
  }

  async #startOnce(): Promise<void> {
    const program = await this.#run();
    this.#program = program;
    const deadline = Date.now() + READY_TIMEOUT_MS;
    let last: unknown;
    while (program.ending === null && Date.now() < deadline) {
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
      `ProxySQL ${this.name} (${this.kind}) does not answer on port ${this.adminPort}: ${program.ending === null ? String(last) : `it ended with ${program.ending}`}`,
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
    const program = this.#program;
    if (program === undefined || program.ending !== null) return;
    program.kill(signal);
    if (signal !== 'SIGKILL' && signal !== 'SIGTERM') return;
    // A frozen process takes a SIGTERM only after a SIGCONT.
    if (signal === 'SIGTERM') program.kill('SIGCONT');
    const hard = setTimeout(() => program.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await program.exited;
    clearTimeout(hard);
  }

  freeze(): void {
    this.#program?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#program?.kill('SIGCONT');
  }

  async restart(): Promise<void> {
    await this.kill('SIGTERM');
    await this.start();
  }
}
