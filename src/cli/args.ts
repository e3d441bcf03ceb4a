import { parseArgs } from 'node:util';
import { messageOf } from '../errors/base.ts';
import { type PurgeChange, purgeChanges } from '../service/purgeAnswer.ts';
import { type CommandName, commandNames } from '../service/status.ts';
import { UsageError } from './errors.ts';
import type { Tokens } from './persons.ts';
import { type WaveInvocation, waveOf } from './waveArgs.ts';

export const help = `bigdb-cutover: moves orgs from BigDB to their Aurora cluster

  bigdb-cutover serve --config FILE           run the controller
  bigdb-cutover preflight ORG                 everything that stands in the way of the org's move; changes nothing
  bigdb-cutover plan ORG|ID                   what the rest of the move would do, and where; changes nothing
  bigdb-cutover start ORG|ID                  plan the org's move, if it has none, and start it
  bigdb-cutover pause|resume|approve|rollback|complete|cancel|retry ORG|ID
  bigdb-cutover verify ORG|ID                 compare both sides now; the result stands in the status
  bigdb-cutover repair-rows ORG|ID            the same, and copy rows that differ from the side that serves the org
  bigdb-cutover mismatches ORG|ID [--values]  rows that the last comparison found different; with their values, read
                                              anew from both sides: an approver's, and audited
  bigdb-cutover schema accept ORG|ID          go on over a changed schema that both sides have
  bigdb-cutover status [ORG|ID]               all migrations, or one
  bigdb-cutover watch [ORG|ID]                the same, again and again; one migration until it ends
  bigdb-cutover rollback --cluster REGION     everything that this cluster serves and that has not completed
  bigdb-cutover purge ORG|ID --reason TEXT    remove a completed org's rows at the source; --dry-run: tell what that would be
  bigdb-cutover purge status|pause|resume|cancel ORG|ID
  bigdb-cutover freeze|unfreeze               no new start and no flip anywhere; guards and ways back go on
  bigdb-cutover audit                         every command that was given, and how it was answered
  bigdb-cutover webhooks [NAME]               what waits for each webhook's receiver; with a name: its newest deliveries
  bigdb-cutover fleet                         every proxy, and whether it counts
  bigdb-cutover fleet remove NAME --reason TEXT   take out a proxy that is proven dead
  bigdb-cutover fleet add NAME                give a proxy all routes, prove it, and count it again
  bigdb-cutover wave create --name NAME ORG…|--file FILE|--home-region REGION|--all   plan the move of a set of orgs;
                                              also --min-rows N, --max-rows N, --at-most N, --canaries N, --as-given,
                                              --settings FILE (YAML: windows, limits, stop rules, as the API takes them)
  bigdb-cutover wave list                     all waves
  bigdb-cutover wave show ID                  one, with its orgs, what it waits for and why it stopped
  bigdb-cutover wave plan ID                  dry run: schedule, tasks, load and quotas; changes nothing
  bigdb-cutover wave start|pause|resume|approve|cancel|rollback ID   cancel and rollback need --reason
  bigdb-cutover org ORG                       where the org is served, its home region and its migrations
  bigdb-cutover routing export                which org is served by which cluster, for the connection layer
  bigdb-cutover catalog discover --config FILE [SCHEMA…]   which tables orgs own, which stay, which cannot move;
                                              as a catalogue for the configuration, and what differs from its own
  bigdb-cutover fence install|status --config FILE [ORG…]   without ORG: every org of CoreDB
  bigdb-cutover fence refresh --config FILE   the sites read the triggers again, where writes fail at them
  bigdb-cutover fence remove --config FILE --reason TEXT    an approver's, with a second person
  bigdb-cutover diagnose ORG --config FILE    journal and reality side by side; changes nothing
  bigdb-cutover repair ORG --config FILE      proposes the way back to a state that holds
  bigdb-cutover repair ORG --config FILE --confirm PLAN --reason TEXT   carries out exactly that proposal

A whole number is an org and means its open migration, else its newest; anything else is the id of a migration.

  --api URL           the controller (BIGDB_CUTOVER_API; http://127.0.0.1:8080)
  --token TOKEN       bearer token (better: BIGDB_CUTOVER_TOKEN); repair --confirm and fence remove need an approver's,
                      who did not start the move; fence remove, and repair where nobody knows who started it, another
                      person's too, in BIGDB_CUTOVER_SECOND_TOKEN
  --reason TEXT       why, for the record
  --dry-run           purge: delete nothing, tell what would be deleted and what stands against it
  --accept-loss       rollback: go back although not every write can travel back; an approver's, with --reason
  --db-user USER      fence: the account that makes and owns the triggers at every place, its password in
                      BIGDB_CUTOVER_DB_PASSWORD; without it the places' accounts of the configuration
  --serve SIDE        repair: source or cluster, where journal and reality contradict each other
  --confirm PLAN      repair: the number of the proposal that is to be carried out
  --interval-ms N     how often watch asks (1000)
  --json              one JSON document per answer; problems as JSON on stderr
  -h, --help

Exit codes: 0 done; 1 failed; 2 wrong usage, value or configuration; 3 not allowed (state, role or policy);
4 no such migration, wave, org, proxy or webhook; 5 the controller (for fence, catalog, diagnose and repair: a database) cannot be reached or cannot answer now.
fence status ends with 1 where the fence is not complete, catalog discover where the catalogue is another, diagnose where it found a contradiction, repair where it
proposes something, preflight where something stands in the way, wave plan where the wave would stand still or a quota does not hold.
`;

/** How the API is reached. */
export interface ApiOptions {
  readonly api: string;
  readonly token: string;
  readonly json: boolean;
}

/** `fence`, which goes to the databases itself. */
export interface FenceInvocation {
  readonly command: 'fence';
  readonly action: 'install' | 'status' | 'refresh' | 'remove';
  /** Who removes it, and why; null for the other actions. */
  readonly removal: { readonly reason: string; readonly tokens: Tokens } | null;
  readonly config: string;
  /** Empty: every org of CoreDB. */
  readonly orgIds: readonly number[];
  /** Instead of the accounts in the configuration, at every place. */
  readonly account: { readonly user: string; readonly password: string } | null;
  readonly json: boolean;
}

/** `catalog`, which goes to the databases itself. */
export interface CatalogInvocation {
  readonly command: 'catalog';
  readonly action: 'discover';
  readonly config: string;
  /** Empty: every schema that holds data. */
  readonly schemas: readonly string[];
  readonly json: boolean;
}

/** What concerns no single migration. */
export type OperationsInvocation =
  | ({ readonly command: 'freeze' | 'unfreeze'; readonly reason: string } & ApiOptions)
  | ({ readonly command: 'evacuate'; readonly homeRegion: string; readonly reason: string } & ApiOptions)
  | ({ readonly command: 'audit' } & ApiOptions);

/** `webhooks`: all of them, or the deliveries of one. */
export type WebhookInvocation = { readonly command: 'webhooks'; readonly hook: string | null } & ApiOptions;
export type OrgInvocation = { readonly command: 'preflight' | 'org'; readonly orgId: number } & ApiOptions;
export type PlanInvocation = { readonly command: 'plan'; readonly target: string } & ApiOptions;
export type RoutingInvocation = { readonly command: 'routing' } & ApiOptions;

/** `purge`: an order, a dry run of it, or a word to one that was ordered. */
export interface PurgeInvocation extends ApiOptions {
  readonly command: 'purge';
  readonly target: string;
  readonly action: 'order' | 'plan' | 'status' | PurgeChange;
  readonly reason: string | null;
}

/** `diagnose` and `repair`, which look for themselves. */
export interface RepairInvocation {
  readonly command: 'diagnose' | 'repair';
  readonly config: string;
  readonly orgId: number;
  readonly json: boolean;
  readonly serve: 'source' | 'cluster' | null;
  /** The confirmed proposal, and why; null where one is only asked for. */
  readonly confirmed: { readonly planId: string; readonly reason: string; readonly tokens: Tokens } | null;
}

/** What is said with a command. */
export interface OrderInput {
  readonly reason: string | null;
  readonly acceptLoss: boolean;
}

/** `fleet`: without a change it shows the proxies. */
export interface FleetInvocation extends ApiOptions {
  readonly command: 'fleet';
  readonly change:
    | { readonly action: 'remove'; readonly name: string; readonly reason: string }
    | { readonly action: 'add'; readonly name: string; readonly reason: string | null }
    | null;
}

/** A command line that made sense. */
export type Invocation =
  | { readonly command: 'help' }
  | { readonly command: 'serve'; readonly config: string; readonly json: boolean }
  | FenceInvocation
  | CatalogInvocation
  | RepairInvocation
  | OperationsInvocation
  | FleetInvocation
  | PurgeInvocation
  | RoutingInvocation
  | WebhookInvocation
  | OrgInvocation
  | PlanInvocation
  | WaveInvocation
  | ({ readonly command: 'status'; readonly target: string | null } & ApiOptions)
  | ({ readonly command: 'watch'; readonly target: string | null; readonly intervalMs: number } & ApiOptions)
  | ({ readonly command: 'mismatches'; readonly target: string; readonly values: boolean } & ApiOptions)
  | ({ readonly command: 'schema'; readonly target: string; readonly reason: string | null } & ApiOptions)
  | ({
      readonly command: 'verify' | 'repair-rows';
      readonly target: string;
      readonly reason: string | null;
    } & ApiOptions)
  | ({ readonly command: CommandName; readonly target: string } & OrderInput & ApiOptions);

const options = {
  help: { type: 'boolean', short: 'h' },
  json: { type: 'boolean' },
  config: { type: 'string' },
  api: { type: 'string' },
  token: { type: 'string' },
  reason: { type: 'string' },
  'accept-loss': { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  values: { type: 'boolean' },
  'db-user': { type: 'string' },
  cluster: { type: 'string' },
  serve: { type: 'string' },
  confirm: { type: 'string' },
  'interval-ms': { type: 'string' },
  name: { type: 'string' },
  file: { type: 'string' },
  'home-region': { type: 'string' },
  all: { type: 'boolean' },
  'min-rows': { type: 'string' },
  'max-rows': { type: 'string' },
  'at-most': { type: 'string' },
  canaries: { type: 'string' },
  'as-given': { type: 'boolean' },
  settings: { type: 'string' },
} as const;
export type Option = keyof typeof options;
export type Values = ReturnType<typeof parse>['values'];
type Environment = Readonly<Record<string, string | undefined>>;

export const ofApi: readonly Option[] = ['json', 'api', 'token'];
const fenceActions = ['install', 'status', 'refresh', 'remove'] as const;

/** Reads the command line (without node and script). Throws `UsageError`. */
export function parseInvocation(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Invocation {
  const { values, positionals } = parse(argv);
  const [command, ...rest] = positionals;
  if (values.help || command === 'help') return { command: 'help' };
  if (command === undefined) throw new UsageError('no command given');
  const json = values.json ?? false;

  if (command === 'serve') {
    only(values, command, ['config', 'json']);
    count(rest, command, 0, 0);
    return { command, config: configOf(values, command), json };
  }
  if (command === 'fence') {
    const [action, ...orgs] = rest;
    const known = fenceActions.find((each) => each === action);
    if (known === undefined) throw new UsageError(`fence: expected ${fenceActions.join(', ')}`);
    const removes = known === 'remove';
    only(values, command, ['config', 'db-user', 'json', ...(removes ? (['reason', 'token'] as const) : [])]);
    const config = configOf(values, command);
    const removal = removes ? { reason: reasonOf(values, 'fence remove'), tokens: tokensOf(values, env) } : null;
    const account = accountOf(values, env);
    return { command, action: known, removal, config, orgIds: orgs.map(orgIdOf), account, json };
  }
  if (command === 'catalog') {
    only(values, command, ['config', 'json']);
    const [action, ...schemas] = rest;
    if (action !== 'discover') throw new UsageError('catalog: expected discover');
    return { command, action, config: configOf(values, command), schemas, json };
  }
  if (command === 'diagnose' || command === 'repair') {
    only(
      values,
      command,
      command === 'repair' ? ['config', 'json', 'serve', 'confirm', 'reason', 'token'] : ['config', 'json'],
    );
    count(rest, command, 1, 1);
    const orgId = orgIdOf(rest[0] ?? '');
    const config = configOf(values, command);
    return { command, config, orgId, json, serve: serveOf(values), confirmed: confirmedOf(values, env) };
  }
  if (command === 'fleet') {
    only(values, command, rest.length === 0 ? ofApi : [...ofApi, 'reason']);
    return { command, change: fleetChangeOf(rest, values), ...apiOf(values, env) };
  }
  if (command === 'wave') return waveOf(rest, values, env);
  if (command === 'status') {
    only(values, command, ofApi);
    count(rest, command, 0, 1);
    return { command, target: rest[0] ?? null, ...apiOf(values, env) };
  }
  if (command === 'watch') {
    only(values, command, [...ofApi, 'interval-ms']);
    count(rest, command, 0, 1);
    return { command, target: rest[0] ?? null, intervalMs: intervalOf(values), ...apiOf(values, env) };
  }
  if (command === 'mismatches') {
    only(values, command, [...ofApi, 'values']);
    count(rest, command, 1, 1);
    return { command, target: rest[0] ?? '', values: values.values ?? false, ...apiOf(values, env) };
  }
  if (command === 'purge') return purgeOf(rest, values, env);
  if (command === 'schema') {
    only(values, command, [...ofApi, 'reason']);
    const [action, ...target] = rest;
    if (action !== 'accept') throw new UsageError('schema: expected accept');
    count(target, 'schema accept', 1, 1);
    return { command, target: target[0] ?? '', reason: values.reason ?? null, ...apiOf(values, env) };
  }
  if (command === 'preflight' || command === 'org') {
    only(values, command, ofApi);
    count(rest, command, 1, 1);
    return { command, orgId: orgIdOf(rest[0] ?? ''), ...apiOf(values, env) };
  }
  if (command === 'plan') {
    only(values, command, ofApi);
    count(rest, command, 1, 1);
    return { command, target: rest[0] ?? '', ...apiOf(values, env) };
  }
  if (command === 'routing') {
    only(values, command, ofApi);
    if (rest.join(' ') !== 'export') throw new UsageError('routing: expected export');
    return { command, ...apiOf(values, env) };
  }
  if (command === 'webhooks') {
    only(values, command, ofApi);
    count(rest, command, 0, 1);
    return { command, hook: rest[0] ?? null, ...apiOf(values, env) };
  }
  if (command === 'audit') {
    only(values, command, ofApi);
    count(rest, command, 0, 0);
    return { command, ...apiOf(values, env) };
  }
  if (command === 'freeze' || command === 'unfreeze') {
    only(values, command, [...ofApi, 'reason']);
    count(rest, command, 0, 0);
    return { command, reason: reasonOf(values, command), ...apiOf(values, env) };
  }
  if (command === 'rollback' && values.cluster !== undefined) {
    only(values, command, [...ofApi, 'reason', 'cluster']);
    count(rest, command, 0, 0);
    const reason = reasonOf(values, `${command} --cluster`);
    return { command: 'evacuate', homeRegion: values.cluster, reason, ...apiOf(values, env) };
  }
  if (command === 'verify' || command === 'repair-rows') {
    only(values, command, [...ofApi, 'reason']);
    count(rest, command, 1, 1);
    return { command, target: rest[0] ?? '', reason: values.reason ?? null, ...apiOf(values, env) };
  }
  const order = commandNames.find((each) => each === command);
  if (order === undefined) throw new UsageError(`there is no command ${command}`);
  only(values, order, [...ofApi, 'reason', ...(order === 'rollback' ? (['accept-loss'] as const) : [])]);
  count(rest, order, 1, 1);
  const reason = values.reason ?? null;
  const acceptLoss = values['accept-loss'] ?? false;
  if (acceptLoss && reason === null) throw new UsageError('--accept-loss needs a --reason');
  return { command: order, target: rest[0] ?? '', reason, acceptLoss, ...apiOf(values, env) };
}

function purgeOf([first, ...more]: readonly string[], values: Values, env: Environment): PurgeInvocation {
  const action = first === 'status' ? first : purgeChanges.find((change) => change === first);
  const rest = action === undefined ? [first, ...more].filter((each) => each !== undefined) : more;
  const name = action === undefined ? 'purge' : `purge ${action}`;
  only(values, name, [
    ...ofApi,
    ...(action === 'status' ? [] : (['reason'] as const)),
    ...(action === undefined ? (['dry-run'] as const) : []),
  ]);
  count(rest, name, 1, 1);
  const own = { command: 'purge', target: rest[0] ?? '', ...apiOf(values, env) } as const;
  if (action !== undefined) return { ...own, action, reason: values.reason ?? null };
  // A dry run is on record too, and says by itself what it is for.
  if (values['dry-run']) return { ...own, action: 'plan', reason: values.reason ?? 'dry run' };
  return { ...own, action: 'order', reason: reasonOf(values, name) };
}

function fleetChangeOf([action, name, ...more]: readonly string[], values: Values): FleetInvocation['change'] {
  if (action === undefined) return null;
  if (action !== 'remove' && action !== 'add') throw new UsageError('fleet: expected nothing, remove or add');
  if (name === undefined || more.length > 0) throw new UsageError(`fleet ${action} needs the name of one proxy`);
  const reason = values.reason ?? null;
  if (action === 'add') return { action, name, reason };
  if (reason === null) throw new UsageError('fleet remove needs --reason TEXT');
  return { action, name, reason };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

export function only(values: Values, command: string, known: readonly Option[]): void {
  const extra = (Object.keys(values) as Option[]).filter((option) => !known.includes(option));
  if (extra.length > 0) throw new UsageError(`${command} takes no --${extra.join(', no --')}`);
}

function count(rest: readonly string[], command: string, least: number, most: number): void {
  if (rest.length < least) throw new UsageError(`${command} needs an org or the id of a migration`);
  if (rest.length > most) throw new UsageError(`${command} does not take ${rest.slice(most).join(' ')}`);
}

function configOf(values: Values, command: string): string {
  if (values.config === undefined) throw new UsageError(`${command} needs --config FILE`);
  return values.config;
}

export function orgIdOf(text: string): number {
  const orgId = Number(text);
  if (!/^\d{1,10}$/.test(text) || orgId < 1) throw new UsageError(`${text} is not an OrgID`);
  return orgId;
}

function accountOf(
  values: Values,
  env: Readonly<Record<string, string | undefined>>,
): { user: string; password: string } | null {
  const user = values['db-user'];
  if (user === undefined) return null;
  const password = env.BIGDB_CUTOVER_DB_PASSWORD ?? '';
  if (password !== '') return { user, password };
  throw new UsageError('--db-user has no password', 'Set BIGDB_CUTOVER_DB_PASSWORD.');
}

export function reasonOf({ reason }: Values, command: string): string {
  if (reason === undefined || reason.trim() === '')
    throw new UsageError(`${command} needs --reason TEXT, for the record`);
  return reason;
}

function serveOf({ serve }: Values): 'source' | 'cluster' | null {
  if (serve === undefined || serve === 'source' || serve === 'cluster') return serve ?? null;
  throw new UsageError('--serve takes source or cluster');
}

function confirmedOf(values: Values, env: Environment): RepairInvocation['confirmed'] {
  const { confirm, reason } = values;
  if (confirm === undefined) {
    if (reason !== undefined) throw new UsageError('--reason goes with --confirm PLAN');
    return null;
  }
  if (!/^[0-9a-f]{12}$/.test(confirm)) throw new UsageError(`--confirm ${confirm} is not the number of a proposal`);
  if (reason === undefined || reason.trim() === '')
    throw new UsageError('--confirm needs --reason TEXT, for the record');
  return { planId: confirm, reason, tokens: tokensOf(values, env) };
}

function intervalOf(values: Values): number {
  const text = values['interval-ms'] ?? '1000';
  const intervalMs = Number(text);
  if (/^\d{1,7}$/.test(text) && intervalMs >= 50) return intervalMs;
  throw new UsageError('--interval-ms must be a whole number of milliseconds, at least 50');
}

function tokensOf(values: Values, env: Environment): Tokens {
  const second = env.BIGDB_CUTOVER_SECOND_TOKEN ?? '';
  return { own: tokenOf(values, env), second: second === '' ? null : second };
}

function tokenOf(values: Values, env: Environment): string {
  const token = values.token ?? env.BIGDB_CUTOVER_TOKEN ?? '';
  if (token === '') throw new UsageError('there is no token', 'Set BIGDB_CUTOVER_TOKEN, or give --token.');
  if (!/^[\x21-\x7e]+$/.test(token)) throw new UsageError('the token has characters that no token has');
  return token;
}

export function apiOf(values: Values, env: Readonly<Record<string, string | undefined>>): ApiOptions {
  const api = values.api ?? env.BIGDB_CUTOVER_API ?? 'http://127.0.0.1:8080';
  const url = URL.parse(api);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new UsageError(`--api ${api} is not an http(s) URL`);
  return { api: url.href.replace(/\/+$/, ''), token: tokenOf(values, env), json: values.json ?? false };
}
