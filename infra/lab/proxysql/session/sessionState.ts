import type { BackendConnection } from '../backend/connection.ts';
import { Command } from '../wire/constants.ts';
import type { TrackedAssignment } from './setStatement.ts';

/** The session state that the proxy keeps for a client and carries to each backend connection it uses. */
export class SessionState {
  schema: string;
  autocommit = true;
  readonly #wanted = new Map<string, string>();
  /** For the next transaction only: sent once. */
  #next: string[] = [];

  constructor(schema: string) {
    this.schema = schema;
  }

  set({ name, value }: TrackedAssignment): void {
    if (name === 'autocommit') this.autocommit = value === '1';
    else if (name === 'nextIsolation') this.#next.push(`SET TRANSACTION ISOLATION LEVEL ${value}`);
    else if (name === 'nextReadOnly') this.#next.push(`SET TRANSACTION READ ${value}`);
    else {
      // The last of the two wins, as it does at the server.
      if (name === 'names') {
        for (const part of [
          'character_set_client',
          'character_set_connection',
          'character_set_results',
          'collation_connection',
        ]) {
          this.#wanted.delete(part);
        }
      }
      this.#wanted.delete(name);
      this.#wanted.set(name, value);
    }
  }

  /** True when the connection has nothing set that this session did not ask for: what is set cannot be unset. */
  fits(connection: BackendConnection): boolean {
    for (const name of connection.applied.keys()) if (!this.#wanted.has(name)) return false;
    return true;
  }

  /** Whether anything is to be sent before a statement, apart from autocommit. */
  isApplied(connection: BackendConnection): boolean {
    if (connection.schema !== this.schema || this.#next.length > 0) return false;
    for (const [name, value] of this.#wanted) if (connection.applied.get(name) !== value) return false;
    return true;
  }

  /** Brings schema and variables of the connection to what the session wants. */
  async apply(connection: BackendConnection): Promise<void> {
    if (connection.schema !== this.schema && this.schema !== '') {
      await connection.runOwnCommand(Buffer.concat([Buffer.from([Command.INIT_DB]), Buffer.from(this.schema, 'utf8')]));
      connection.schema = this.schema;
    }
    const changed = [...this.#wanted].filter(([name, value]) => connection.applied.get(name) !== value);
    const plain = changed.filter(([name]) => name !== 'isolation' && name !== 'readOnly');
    if (plain.length > 0) {
      const list = plain.map(([name, value]) => (name === 'names' ? `NAMES ${value}` : `@@session.${name}=${value}`));
      await connection.runOwn(`SET ${list.join(', ')}`);
    }
    for (const [name, value] of changed) {
      if (name === 'isolation') await connection.runOwn(`SET SESSION TRANSACTION ISOLATION LEVEL ${value}`);
      if (name === 'readOnly') await connection.runOwn(`SET SESSION TRANSACTION READ ${value}`);
      connection.applied.set(name, value);
    }
    const next = this.#next;
    this.#next = [];
    for (const sql of next) await connection.runOwn(sql);
  }
}
