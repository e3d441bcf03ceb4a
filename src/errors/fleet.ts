import { CutoverError } from './base.ts';

/** The configuration names no such proxy. */
export class ProxyUnknownError extends CutoverError {
  readonly code = 'PROXY_UNKNOWN';
  readonly remedy =
    'Use a name from `bigdb-cutover fleet`; a new proxy has to be in every controller’s configuration first.';

  constructor(proxy: string) {
    super(`the configuration names no proxy ${proxy}`, { details: { proxy } });
  }
}

/** A proxy is not proven dead, or is the last one: it stays a member. */
export class FleetRemoveRefusedError extends CutoverError {
  readonly code = 'FLEET_REMOVE_REFUSED';
  readonly remedy =
    'Stop the proxy’s process and keep it stopped, or end its sessions at the databases named in the details; then repeat.';

  constructor(proxy: string, why: string, evidence: Record<string, unknown> = {}) {
    super(`proxy ${proxy} was not removed: ${why}`, { details: { proxy, why, evidence } });
  }
}

/** A proxy is not as the members are, or its routes could not be proven: it gets none. */
export class FleetAddRefusedError extends CutoverError {
  readonly code = 'FLEET_ADD_REFUSED';
  readonly remedy = 'Put right what the details list, then repeat; until then the proxy must not get traffic.';

  constructor(proxy: string, refusals: readonly string[]) {
    super(`proxy ${proxy} was not added: ${refusals.join('; ')}`, { details: { proxy, refusals } });
  }
}

/** Another proxy is being added, or an org did not come to rest meanwhile. */
export class FleetBusyError extends CutoverError {
  readonly code = 'FLEET_BUSY';
  readonly remedy = 'Wait for what the message names, then repeat.';

  constructor(proxy: string, why: string) {
    super(`proxy ${proxy} was not added: ${why}`, { details: { proxy, why } });
  }
}
