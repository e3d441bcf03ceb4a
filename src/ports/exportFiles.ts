/** How a complete file ends: what can be said of it as a whole. */
export interface ExportEnd {
  /** Lines before the last one. */
  readonly lines: number;
  /** Of all bytes before the last line, hexadecimal. */
  readonly sha256: string;
}

/** A file that is being written: nobody takes it for a complete one before `finish` has resolved. */
export interface ExportFile {
  /** Where the complete file will stand. */
  readonly path: string;
  /** Appends one line of JSON. Throws `ExportFailedError`. */
  write(line: unknown): Promise<void>;
  /** Writes the last line (`last` and the end), makes everything durable and gives the file its name. Throws `ExportFailedError`. */
  finish(last: Readonly<Record<string, unknown>>): Promise<ExportEnd>;
  /** Removes what was written, where `finish` has not resolved. Never throws. */
  discard(): Promise<void>;
}

/** Files of rows that stay behind, one JSON document a line, readable by the controller's account alone. */
export interface ExportFiles {
  /** Name of this machine: a file lies on the one that wrote it. */
  readonly host: string;
  /**
   * Begins a file, in the place of one with the same name. Removes what runs that were cut off left under `prefix`.
   * Throws `ExportFailedError`.
   */
  begin(prefix: string, name: string): Promise<ExportFile>;
  /**
   * The lines of a complete file but the last, parsed; checks the last one against them. Throws `ExportNotExactError`
   * or `ExportFailedError`.
   */
  read(path: string): AsyncIterable<unknown>;
}
