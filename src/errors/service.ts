import { CutoverError } from './base.ts';

/** No migration has this id. */
export class UnknownMigrationError extends CutoverError {
  readonly code = 'MIGRATION_UNKNOWN';
  readonly remedy = 'List the migrations and use an id from there.';
  readonly migrationId: string;

  constructor(migrationId: string) {
    super(`there is no migration ${migrationId}`, { details: { migrationId } });
    this.migrationId = migrationId;
  }
}

/** The org has a migration that has not ended. */
export class OrgAlreadyMovingError extends CutoverError {
  readonly code = 'ORG_ALREADY_MOVING';
  readonly remedy = 'Use the migration named here, or cancel it first.';
  readonly orgId: number;
  readonly migrationId: string;
  readonly state: string;

  constructor(orgId: number, migrationId: string, state: string) {
    super(`org ${orgId} is already moving: migration ${migrationId} is in ${state}`, {
      details: { orgId, migrationId, state },
    });
    this.orgId = orgId;
    this.migrationId = migrationId;
    this.state = state;
  }
}

/** The org already lives at its cluster. */
export class OrgAlreadyMovedError extends CutoverError {
  readonly code = 'ORG_ALREADY_MOVED';
  readonly remedy = 'Nothing needs to be done: the org’s move is complete.';
  readonly orgId: number;
  readonly migrationId: string;

  constructor(orgId: number, migrationId: string) {
    super(`org ${orgId} has completed its move with migration ${migrationId}`, { details: { orgId, migrationId } });
    this.orgId = orgId;
    this.migrationId = migrationId;
  }
}

/** The command is not allowed in the migration's state. */
export class CommandNotAllowedError extends CutoverError {
  readonly code = 'COMMAND_NOT_ALLOWED';
  readonly remedy = 'Use one of the commands that are allowed in this state.';
  readonly command: string;
  readonly state: string;
  readonly allowed: readonly string[];

  constructor(command: string, state: string, allowed: readonly string[]) {
    super(`${command} is not allowed in ${state}; allowed: ${allowed.length > 0 ? allowed.join(', ') : 'nothing'}`, {
      details: { command, state, allowed },
    });
    this.command = command;
    this.state = state;
    this.allowed = allowed;
  }
}

/** A policy in a request would loosen what the configuration demands. */
export class PolicyLoosenedError extends CutoverError {
  readonly code = 'POLICY_LOOSENED';
  readonly remedy = 'Ask for a stricter value than the configuration’s, or change the configuration.';
  readonly fields: readonly string[];

  constructor(fields: readonly string[]) {
    super(`a request can only tighten the policy; loosened: ${fields.join(', ')}`, { details: { fields } });
    this.fields = fields;
  }
}

/** Somebody froze the installation: nothing new starts. */
export class FrozenError extends CutoverError {
  readonly code = 'FROZEN';
  readonly remedy = 'Ask who froze it; `bigdb-cutover unfreeze` lets starts and flips go on.';
  constructor(actor: string, reason: string, since: string) {
    super(`nothing starts: ${actor} froze everything (${reason})`, { details: { actor, reason, since } });
  }
}

/** The command needs a second person: not the one who started the move. */
export class SecondPersonError extends CutoverError {
  readonly code = 'SECOND_PERSON_NEEDED';
  readonly remedy = 'Have somebody else give this command.';
  constructor(command: string, starter: string) {
    super(`${command} needs a second person: ${starter} started the move`, { details: { command, starter } });
  }
}

/** Nobody knows who started anything, so that two people have to stand by. */
export class SecondTokenError extends CutoverError {
  readonly code = 'SECOND_TOKEN_NEEDED';
  readonly remedy = 'Have another person give a token of theirs in BIGDB_CUTOVER_SECOND_TOKEN.';
  constructor(command: string, giver: string) {
    super(`${command} needs a second person beside ${giver}`, { details: { command, giver } });
  }
}

/** A question of preflight was not answered in time. */
export class PreflightTimeoutError extends CutoverError {
  readonly code = 'PREFLIGHT_TIMEOUT';
  readonly remedy = 'Ask again; if it stays so, see whether what is named here answers at all.';
  readonly transient = true;

  constructor(subject: string, withinMs: number) {
    super(`preflight had no answer about ${subject} within ${withinMs} ms`, { details: { subject, withinMs } });
  }
}
