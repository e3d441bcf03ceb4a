import { type WaveCommandName, waveCommandNames } from '../service/waveStatus.ts';
import { type ApiOptions, apiOf, type Option, ofApi, only, orgIdOf, reasonOf, type Values } from './args.ts';
import { UsageError } from './errors.ts';

/** `wave`, which talks to the API. */
export type WaveInvocation =
  | ({
      readonly command: 'wave';
      readonly action: 'create';
      /** As the command line has it; what stands in files is read later. */
      readonly request: Readonly<Record<string, unknown>>;
      readonly orgsFile: string | null;
      readonly settingsFile: string | null;
    } & ApiOptions)
  | ({ readonly command: 'wave'; readonly action: 'list' } & ApiOptions)
  | ({ readonly command: 'wave'; readonly action: 'show' | 'plan'; readonly id: string } & ApiOptions)
  | ({
      readonly command: 'wave';
      readonly action: WaveCommandName;
      readonly id: string;
      readonly reason: string | null;
    } & ApiOptions);

type Environment = Readonly<Record<string, string | undefined>>;

const actions = ['create', 'list', 'show', 'plan', ...waveCommandNames] as const;
const filters: readonly Option[] = ['home-region', 'all', 'min-rows', 'max-rows', 'at-most'];

/** What stands behind `wave`. Throws `UsageError`. */
export function waveOf([action, ...rest]: readonly string[], values: Values, env: Environment): WaveInvocation {
  const known = actions.find((each) => each === action);
  if (known === undefined) throw new UsageError(`wave: expected ${actions.join(', ')}`);
  if (known === 'create') return creation(rest, values, env);
  const isOrder = known !== 'list' && known !== 'show' && known !== 'plan';
  only(values, `wave ${known}`, isOrder ? [...ofApi, 'reason'] : ofApi);
  if (known === 'list') {
    if (rest.length > 0) throw new UsageError(`wave list does not take ${rest.join(' ')}`);
    return { command: 'wave', action: known, ...apiOf(values, env) };
  }
  const [id, ...more] = rest;
  if (id === undefined || more.length > 0) throw new UsageError(`wave ${known} needs the id of one wave`);
  if (!isOrder) return { command: 'wave', action: known, id, ...apiOf(values, env) };
  const needsReason = known === 'cancel' || known === 'rollback';
  const reason = needsReason ? reasonOf(values, `wave ${known}`) : (values.reason ?? null);
  return { command: 'wave', action: known, id, reason, ...apiOf(values, env) };
}

function creation(orgs: readonly string[], values: Values, env: Environment): WaveInvocation {
  only(values, 'wave create', [...ofApi, ...filters, 'name', 'file', 'canaries', 'as-given', 'settings']);
  const filtered = filters.some((option) => values[option] !== undefined);
  const ways = [orgs.length > 0, values.file !== undefined, filtered].filter((given) => given).length;
  if (ways !== 1) {
    throw new UsageError(
      'wave create needs orgs, --file FILE, or a filter (--all, --home-region, --min-rows, --max-rows)',
    );
  }
  if (values.name === undefined) throw new UsageError('wave create needs --name NAME');
  const canaries = numberOf(values, 'canaries');
  return {
    command: 'wave',
    action: 'create',
    request: {
      name: values.name,
      ...(orgs.length > 0 && { orgs: orgs.map(orgIdOf) }),
      ...(filtered && { filter: filterOf(values) }),
      ...(canaries !== undefined && { canaries: { count: canaries } }),
      ...(values['as-given'] === true && { order: 'asGiven' }),
    },
    orgsFile: values.file ?? null,
    settingsFile: values.settings ?? null,
    ...apiOf(values, env),
  };
}

function filterOf(values: Values): Record<string, unknown> {
  const given = {
    homeRegion: values['home-region'],
    minRows: numberOf(values, 'min-rows'),
    maxRows: numberOf(values, 'max-rows'),
    atMost: numberOf(values, 'at-most'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function numberOf(values: Values, option: 'min-rows' | 'max-rows' | 'at-most' | 'canaries'): number | undefined {
  const text = values[option];
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${option} must be a whole number`);
  return Number(text);
}
