import { z } from 'zod';
import { type SettingValue, taskSettings } from './settings.ts';

/** A setting that the service did not take. */
export interface SettingDifference {
  /** As in `ErrorBehavior.DataErrorPolicy`. */
  readonly setting: string;
  readonly wanted: SettingValue;
  readonly found: unknown;
}

/** Sections in which every value that we send decides whether rows survive. The LOB sizes are looked at by meaning. */
const decisive = ['TargetMetadata', 'FullLoadSettings', 'ChangeProcessingDdlHandlingPolicy', 'ErrorBehavior'] as const;
/** Pace and retry spacing: a different value loses nothing. */
const harmless = new Set([
  'TargetMetadata.LobMaxSize',
  'TargetMetadata.LobChunkSize',
  'TargetMetadata.FullLobMode',
  'TargetMetadata.LimitedSizeLobMode',
  'FullLoadSettings.CommitRate',
  'FullLoadSettings.TransactionConsistencyTimeout',
  'ErrorBehavior.RecoverableErrorInterval',
  'ErrorBehavior.RecoverableErrorThrottling',
  'ErrorBehavior.RecoverableErrorThrottlingMax',
]);

const echoSchema = z.record(z.string(), z.unknown());

/**
 * Compares what DMS echoes (all settings, with its defaults filled in) with what the task needs.
 * @returns every hazardous setting that the service did not take; `null` where the echo is no JSON object.
 */
export function settingsDifferences(echo: string, largestLobBytes: number): readonly SettingDifference[] | null {
  let parsed: Record<string, unknown>;
  try {
    parsed = echoSchema.parse(JSON.parse(echo));
  } catch {
    return null;
  }
  const wanted = taskSettings(largestLobBytes);
  const differences: SettingDifference[] = [];
  for (const section of decisive) {
    const found = sectionOf(parsed, section);
    for (const [key, value] of Object.entries(wanted[section] ?? {})) {
      const setting = `${section}.${key}`;
      if (typeof value === 'object' || harmless.has(setting) || found[key] === value) continue;
      differences.push({ setting, wanted: value, found: found[key] });
    }
  }
  return [...differences, ...lobDifferences(sectionOf(parsed, 'TargetMetadata'), largestLobBytes)];
}

/** A task made when the data was smaller may go on as long as its limit holds what is there now. */
function lobDifferences(found: Record<string, unknown>, largestLobBytes: number): readonly SettingDifference[] {
  if (found.FullLobMode === true) return [];
  const limitKb = typeof found.LobMaxSize === 'number' ? found.LobMaxSize : 0;
  if (found.LimitedSizeLobMode === true && limitKb * 1024 >= largestLobBytes) return [];
  const wanted = Math.ceil(largestLobBytes / 1024);
  return [{ setting: 'TargetMetadata.LobMaxSize', wanted, found: found.LobMaxSize }];
}

function sectionOf(settings: Record<string, unknown>, section: string): Record<string, unknown> {
  const parsed = echoSchema.safeParse(settings[section]);
  return parsed.success ? parsed.data : {};
}
