import type { Logger as PinoLogger } from 'pino';

/** What the controller logs with. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;
