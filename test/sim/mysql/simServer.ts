import type { Link } from '../net/link.ts';
import { SimProcess } from '../time/process.ts';
import type { Scheduler } from '../time/scheduler.ts';
import { ServerCore, type ServerOptions } from './server/core.ts';
import type { ServerSession } from './server/session.ts';
import { type Result, SessionEnded } from './server/sessionState.ts';
import { SqlError, sqlErrors } from './sqlError.ts';

export interface SimServerOptions extends ServerOptions {
  readonly name: string;
  readonly scheduler: Scheduler;
  /** Told of what the simulation itself cannot do (SQL that is not known, a fault of its own): the run has to fail. */
  readonly fault: (error: unknown) => void;
}

/** Who logs in; passwords are not asked for. */
export interface Login {
  readonly user: string;
  readonly host: string;
  readonly database: string | null;
}

/** A database server: what is on its disk, and the process that serves it, which can freeze, die and come back. */
export class SimServer {
  readonly name: string;
  readonly core: ServerCore;
  readonly #scheduler: Scheduler;
  readonly #fault: (error: unknown) => void;
  #process: SimProcess;
  #restarts = 0;

  constructor({ name, scheduler, fault, ...options }: SimServerOptions) {
    this.name = name;
    this.#scheduler = scheduler;
    this.#fault = fault;
    this.#process = new SimProcess(name, scheduler);
    this.core = new ServerCore(name, options, this.#process.clock);
  }

  /** The process that runs, or ran last. */
  get process(): SimProcess {
    return this.#process;
  }

  get restarts(): number {
    return this.#restarts;
  }

  freeze(): void {
    this.#process.stop();
  }

  thaw(): void {
    this.#process.continue();
  }

  /** What is not committed is lost; what is, is not. */
  crash(): void {
    if (this.#process.state === 'dead') return;
    this.#process.kill();
    this.core.crash();
  }

  restart(): void {
    this.crash();
    const { skewMs } = this.#process;
    this.#process = new SimProcess(this.name, this.#scheduler);
    this.#process.skewMs = skewMs;
    this.#restarts += 1;
    this.core.restart(this.#process.clock);
  }

  /** Logs in over a link; to be called at the server's end of it. */
  login(link: Link, login: Login): ServerSession {
    if (login.database !== null && !this.core.catalog.hasSchema(login.database)) {
      throw sqlErrors.noDatabase(login.database);
    }
    const session = this.core.connect(login);
    link.onClosed(() => session.clientGone());
    session.onEnd((reason) => link.reset(reason));
    return session;
  }

  /** A session without a network, for making and looking at things. */
  local(user = 'root'): ServerSession {
    return this.core.connect({ user, host: 'localhost', database: null });
  }

  /** Carries out one statement of a session; what is no answer of a server is reported as a fault. */
  async execute(session: ServerSession, sql: string, values: readonly unknown[]): Promise<Result> {
    try {
      return await session.execute(sql, values);
    } catch (error) {
      if (!(error instanceof SqlError) && !(error instanceof SessionEnded)) this.#fault(error);
      throw error;
    }
  }
}
