import { describe, expect, it } from 'vitest';
import { lobMaxKb, taskSettings } from '../../src/adapters/dms/settings.ts';
import { settingsDifferences } from '../../src/adapters/dms/settingsCheck.ts';

const megabyte = 1024 * 1024;

/** What the service echoes: what was sent, amid settings that were not. */
function echo(largestLobBytes: number, change: (settings: Record<string, Record<string, unknown>>) => void = () => {}) {
  const settings = structuredClone(taskSettings(largestLobBytes)) as Record<string, Record<string, unknown>>;
  settings.StreamBufferSettings = { StreamBufferCount: 3 };
  change(settings);
  return JSON.stringify(settings);
}

describe('task settings', () => {
  it('send every default that would destroy or drop rows', () => {
    const settings = taskSettings(0);
    expect(settings).toMatchObject({
      TargetMetadata: { BatchApplyEnabled: false, TaskRecoveryTableEnabled: true, SupportLobs: true },
      FullLoadSettings: { TargetTablePrepMode: 'DO_NOTHING' },
      ChangeProcessingDdlHandlingPolicy: {
        HandleSourceTableDropped: false,
        HandleSourceTableTruncated: false,
        HandleSourceTableAltered: false,
      },
      ErrorBehavior: { FailOnNoTablesCaptured: true, FailOnTransactionConsistencyBreached: true },
      ValidationSettings: { EnableValidation: false },
      Logging: { EnableLogging: true },
    });
    const policies = Object.entries(settings.ErrorBehavior ?? {}).filter(([key]) => key.endsWith('Policy'));
    expect(policies.length).toBe(10);
    for (const [, value] of policies) expect(value).toBe('STOP_TASK');
    expect(settings.ErrorBehavior?.RecoverableErrorCount).toBeGreaterThan(0);
  });

  it('size the LOB limit from the data, and go to full LOB mode beyond it', () => {
    expect(lobMaxKb(0)).toBe(1_024);
    expect(lobMaxKb(5 * megabyte)).toBe(10 * 1_024);
    expect(lobMaxKb(5 * megabyte + 1) * 1024).toBeGreaterThan(10 * megabyte);
    expect(taskSettings(5 * megabyte).TargetMetadata).toMatchObject({ FullLobMode: false, LobMaxSize: 10_240 });
    expect(taskSettings(40 * megabyte).TargetMetadata).toMatchObject({ FullLobMode: true, LimitedSizeLobMode: false });
  });

  it('take fewer rows per commit the larger the LOBs, for the memory of the instance', () => {
    expect(taskSettings(0).FullLoadSettings?.CommitRate).toBe(512);
    expect(taskSettings(30 * megabyte).FullLoadSettings?.CommitRate).toBe(10);
  });
});

describe('the echo of the settings', () => {
  it('is accepted with what the service added', () => {
    expect(settingsDifferences(echo(0), 0)).toEqual([]);
  });

  it('tells each hazardous setting that was not taken', () => {
    const changed = echo(0, (settings) => {
      Object.assign(settings.FullLoadSettings ?? {}, { TargetTablePrepMode: 'DROP_AND_CREATE' });
      delete settings.ErrorBehavior?.ApplyErrorInsertPolicy;
    });
    expect(settingsDifferences(changed, 0)).toEqual([
      { setting: 'FullLoadSettings.TargetTablePrepMode', wanted: 'DO_NOTHING', found: 'DROP_AND_CREATE' },
      { setting: 'ErrorBehavior.ApplyErrorInsertPolicy', wanted: 'STOP_TASK', found: undefined },
    ]);
  });

  it('lets a task go on whose LOB limit still holds the data, and refuses one that would cut it', () => {
    expect(settingsDifferences(echo(megabyte), 2 * megabyte)).toEqual([]);
    expect(settingsDifferences(echo(megabyte), 3 * megabyte)).toMatchObject([
      { setting: 'TargetMetadata.LobMaxSize', found: 2_048 },
    ]);
    expect(settingsDifferences(echo(50 * megabyte), 80 * megabyte)).toEqual([]);
  });

  it('is null where it is no settings at all', () => {
    expect(settingsDifferences('', 0)).toBeNull();
    expect(settingsDifferences('[]', 0)).toBeNull();
  });
});
