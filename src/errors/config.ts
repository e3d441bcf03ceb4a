import { CutoverError } from './base.ts';

/** One thing that is wrong with the configuration. */
export interface ConfigFault {
  /** Path of the value, `sites[0].port`; empty for the file as a whole. */
  readonly path: string;
  /** Line and column in the file, `12:5`, where they are known. */
  readonly position: string | null;
  readonly cause: string;
  readonly remedy: string;
}

/** The configuration cannot be used. Carries every fault that was found, not the first. */
export class ConfigInvalidError extends CutoverError {
  readonly code = 'CONFIG_INVALID';
  readonly remedy = 'Mend every fault listed, then start again; nothing was started.';
  readonly file: string;
  readonly faults: readonly ConfigFault[];

  constructor(file: string, faults: readonly ConfigFault[], options: { cause?: unknown } = {}) {
    super(`${file}: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}\n${faults.map(lineOf).join('\n')}`, {
      ...options,
      details: { file, faults },
    });
    this.file = file;
    this.faults = faults;
  }
}

function lineOf(fault: ConfigFault): string {
  const where = [fault.path, fault.position === null ? '' : `(line ${fault.position})`].filter((part) => part !== '');
  return `  ${where.length > 0 ? `${where.join(' ')}: ` : ''}${fault.cause}. ${fault.remedy}`;
}
