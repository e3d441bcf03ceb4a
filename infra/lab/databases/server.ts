import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import type { Machine, Program } from '../programs/index.ts';
import { copyFolder } from './cacheFolder.ts';
import { LabDatabaseError } from './errors.ts';
import { freePort } from './freePort.ts';
import { guardFolder } from './guardian.ts';
import { pollUntil } from './poll.ts';

/** What to start. */
export interface DatabaseServerOptions {
  /** Also the name of the server's folder in `baseDir`. */
  readonly name: string;
  /** An existing folder of the caller's, who removes it after `stop()`. */
  readonly baseDir: string;
  /** Server variables, spelt as on the command line or with underscores; they come after the lab's own and win. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** Where a database server is, wherever it runs. */
export interface DatabaseAddress {
  readonly name: string;
  readonly flavour: 'mariadb' | 'mysql';
  readonly host: string;
  readonly port: number;
  /** An account with all privileges, over TCP. */
  readonly user: string;
  readonly password: string;
}

/** A running database server of the lab, on loopback. */
export interface DatabaseServer extends DatabaseAddress {
  /** As in `10.11.14` or `9.7.4`. */
  readonly version: string;
  readonly host: '127.0.0.1';
  /** Of the process running now; another one after {@link restart}. */
  readonly pid: number;
  /** Ends the server in order and waits until it is gone. Idempotent. The data stays for {@link restart}. */
  stop(): Promise<void>;
  /** Sends a signal, SIGKILL and SIGSTOP included; waits for the exit after SIGKILL only. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Stops it when it runs, then starts it again with the same data on the same port. */
  restart(): Promise<void>;
}

/** What distinguishes one product from the other. */
export interface ServerFlavour {
  readonly flavour: 'mariadb' | 'mysql';
  readonly version: string;
  readonly machine: Machine;
  readonly executable: string;
  /** A data directory, initialised, to be copied. */
  readonly template: string;
  /** In the order in which they go to the server; the caller's variables follow. */
  readonly settings: Readonly<Record<string, string>>;
  /** SQL that the server runs at its start, before anybody can connect; one statement a line. */
  initSql(user: string, password: string): string;
}

const LAB_USER = 'lab';
const STOP_TIMEOUT_MS = 20_000;
const START_TIMEOUT_MS = 60_000;
const PORT_ATTEMPTS = 5;

/** Starts a server of the given flavour in `baseDir/name` and waits until it takes connections. */
export async function startServer(flavour: ServerFlavour, options: DatabaseServerOptions): Promise<DatabaseServer> {
  const folder = join(options.baseDir, options.name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  guardFolder(folder);
  await copyFolder(flavour.template, join(folder, 'data'));
  await chmod(join(folder, 'data'), 0o700);
  await mkdir(join(folder, 'tmp'), { recursive: true });
  const password = randomBytes(12).toString('hex');
  const initFile = join(folder, 'init.sql');
  await writeFile(initFile, flavour.initSql(LAB_USER, password), { mode: 0o600 });

  for (let attempt = 1; ; attempt += 1) {
    const server = new ServerProcess(flavour, options, folder, await freePort(), password);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      if (attempt === PORT_ATTEMPTS || !(await server.lostThePort())) throw error;
    }
  }
}

class ServerProcess implements DatabaseServer {
  readonly name: string;
  readonly flavour: 'mariadb' | 'mysql';
  readonly version: string;
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly user = LAB_USER;
  readonly password: string;
  readonly #machine: Machine;
  readonly #executable: string;
  readonly #arguments: readonly string[];
  readonly #errorLog: string;
  readonly #folder: string;
  #program: Program | undefined;

  constructor(
    flavour: ServerFlavour,
    { name, variables = {} }: DatabaseServerOptions,
    folder: string,
    port: number,
    password: string,
  ) {
    this.name = name;
    this.flavour = flavour.flavour;
    this.version = flavour.version;
    this.port = port;
    this.password = password;
    this.#folder = folder;
    this.#machine = flavour.machine;
    this.#executable = flavour.executable;
    this.#errorLog = join(folder, 'error.log');
    const settings: Record<string, string> = {
      datadir: join(folder, 'data'),
      tmpdir: join(folder, 'tmp'),
      socket: join(folder, 'sql.sock'),
      'pid-file': join(folder, 'sql.pid'),
      'init-file': join(folder, 'init.sql'),
      'log-error': this.#errorLog,
      'bind-address': this.host,
      port: String(port),
      // The server refuses to run as root unless it is told by name.
      ...(process.getuid?.() === 0 ? { user: 'root' } : {}),
      ...flavour.settings,
      ...variables,
    };
    this.#arguments = [
      '--no-defaults',
      ...Object.entries(settings).map(([key, value]) => {
        const option = `--${key.replaceAll('_', '-')}`;
        return value === '' && key === 'skip-name-resolve' ? option : `${option}=${value}`;
      }),
    ];
  }

  get pid(): number {
    return this.#program?.pid ?? 0;
  }

  async start(): Promise<void> {
    this.#program = await this.#machine.start({
      executable: this.#executable,
      args: this.#arguments,
      folder: this.#folder,
      logFile: this.#errorLog,
    });
    await this.#waitUntilReady(this.#program);
  }

  async #waitUntilReady(program: Program): Promise<void> {
    const failed = async (cause?: unknown) =>
      new LabDatabaseError(
        'LAB_SERVER_DID_NOT_START',
        `${this.name} (${this.flavour} ${this.version}) did not start: ${await this.#lastErrors()}`,
        `see ${this.#errorLog}`,
        cause,
      );
    let lastError: unknown;
    await pollUntil(
      `${this.name} to take connections`,
      async () => {
        if (program.ending !== null) throw await failed();
        try {
          const connection = await createConnection({
            host: this.host,
            port: this.port,
            user: this.user,
            password: this.password,
            connectTimeout: 2_000,
          });
          await connection.end();
          return true;
        } catch (error) {
          lastError = error;
          return false;
        }
      },
      { timeoutMs: START_TIMEOUT_MS },
    ).catch(async (error: unknown) => {
      throw error instanceof LabDatabaseError && error.code === 'LAB_SERVER_DID_NOT_START'
        ? error
        : await failed(lastError ?? error);
    });
  }

  /** True when the start failed because somebody else had taken the port meanwhile. */
  async lostThePort(): Promise<boolean> {
    return /Address already in use|Can't start server: Bind/.test(await this.#logText());
  }

  async #logText(): Promise<string> {
    return readFile(this.#errorLog, 'utf8').catch(() => '');
  }

  async #lastErrors(): Promise<string> {
    const lines = (await this.#logText()).split('\n').filter((line) => /\[ERROR\]|unknown|error while/i.test(line));
    return lines.slice(-3).join(' | ') || 'its log names no error';
  }

  async stop(): Promise<void> {
    const program = this.#program;
    if (program === undefined) return;
    if (program.ending === null) {
      program.kill('SIGTERM');
      // A frozen server (a fault under test) would never see it.
      program.kill('SIGCONT');
      const killer = setTimeout(() => program.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await program.exited;
      clearTimeout(killer);
    }
    this.#program = undefined;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#program?.kill(signal);
    if (signal === 'SIGKILL') await this.#program?.exited;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }
}
