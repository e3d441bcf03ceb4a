/** What to run. */
export interface ProgramOptions {
  readonly executable: string;
  readonly args: readonly string[];
  /** The only folder that it may write to; where it starts. */
  readonly folder: string;
}

/** A server that runs, on this machine or in a container on it. */
export interface Program {
  /** Of its process, as this machine numbers it. */
  readonly pid: number;
  /** How it ended, as in `exit code 1` or `SIGSEGV`; null while it runs. */
  readonly ending: string | null;
  readonly exited: Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** Where programs run. */
export interface Machine {
  /** Starts a server; what it writes goes to the end of `logFile`. It does not outlive this process, however that ends. */
  start(options: ProgramOptions & { readonly logFile: string }): Promise<Program>;
  /** Runs a program to its end and gives all that it wrote; throws where it ends with anything but 0. */
  run(options: ProgramOptions): Promise<string>;
}
