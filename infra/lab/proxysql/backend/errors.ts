/** The backend's connection went away, was refused, or was given up while something was to run on it. */
export class BackendLostError extends Error {
  override readonly name = 'BackendLostError';
  readonly code = 'PROXY_BACKEND_LOST';

  constructor(reason: string, cause?: unknown) {
    super(reason, cause === undefined ? undefined : { cause });
  }
}

/** The backend answered with an error while the connection was being prepared: the client gets it as it is. */
export class BackendRefusedError extends Error {
  override readonly name = 'BackendRefusedError';
  readonly code = 'PROXY_BACKEND_REFUSED';
  readonly errno: number;
  readonly sqlState: string;

  constructor(errno: number, sqlState: string, message: string) {
    super(message);
    this.errno = errno;
    this.sqlState = sqlState;
  }
}

/** No connection of the hostgroup could be had in time. */
export class ConnectTimeoutError extends Error {
  override readonly name = 'ConnectTimeoutError';
  readonly code = 'PROXY_CONNECT_TIMEOUT';
}
