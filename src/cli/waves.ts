import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf } from '../errors/base.ts';
import type { WaveStatus } from '../service/waveStatus.ts';
import type { Api } from './api.ts';
import { orgIdOf } from './args.ts';
import { UsageError } from './errors.ts';
import { type ExitCode, exitCodes } from './exitCodes.ts';
import type { Output } from './output.ts';
import type { WaveInvocation } from './waveArgs.ts';
import { waveLine, waveListText, wavePlanText, waveText } from './waveText.ts';

/** Makes waves, shows them, and gives them commands. A plan that does not come to its end ends with 1. */
export async function wave(api: Api, invocation: WaveInvocation, output: Output): Promise<ExitCode> {
  const show = <T>(result: T, text: (result: T) => string) =>
    output.out(invocation.json ? `${JSON.stringify(result)}\n` : text(result));
  switch (invocation.action) {
    case 'create':
      show(await api.createWave(requestOf(invocation)), waveLine);
      return exitCodes.ok;
    case 'list':
      show(await api.waves(), waveListText);
      return exitCodes.ok;
    case 'show': {
      const [status, orgs] = await Promise.all([api.wave(invocation.id), api.waveOrgs(invocation.id)]);
      show<WaveStatus & { orgList: typeof orgs }>({ ...status, orgList: orgs }, waveText);
      return exitCodes.ok;
    }
    case 'plan': {
      const plan = await api.wavePlan(invocation.id);
      show(plan, wavePlanText);
      return plan.standsStill === null && plan.quotas.every(({ fits }) => fits) ? exitCodes.ok : exitCodes.failed;
    }
    default:
      show(await api.commandWave(invocation.id, invocation.action, invocation.reason), waveLine);
      return exitCodes.ok;
  }
}

/** The request with what stands in the files; the command line has the last word. */
function requestOf({
  request,
  orgsFile,
  settingsFile,
}: Extract<WaveInvocation, { action: 'create' }>): Record<string, unknown> {
  return {
    ...(settingsFile === null ? {} : settingsIn(settingsFile)),
    ...(orgsFile === null ? {} : { orgs: orgsIn(orgsFile) }),
    ...request,
  };
}

/** OrgIDs between blanks, commas or lines; what stands behind # is for people. */
function orgsIn(path: string): number[] {
  const words = textOf(path)
    .split('\n')
    .flatMap((line) => line.replace(/#.*$/, '').split(/[\s,;]+/))
    .filter((word) => word !== '');
  return words.map(orgIdOf);
}

function settingsIn(path: string): Record<string, unknown> {
  const text = textOf(path);
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not YAML: ${messageOf(error)}`);
  }
  const parsed = z.record(z.string(), z.unknown()).safeParse(document);
  if (!parsed.success) throw new UsageError(`${path} has no settings in it`);
  return parsed.data;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${messageOf(error)}`);
  }
}
