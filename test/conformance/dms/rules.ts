/** Settings as a careful user sends them: nothing dropped, nothing cut, nothing logged and forgotten. */
export const SAFE_SETTINGS = {
  TargetMetadata: { SupportLobs: true, FullLobMode: true, LimitedSizeLobMode: false, BatchApplyEnabled: false },
  FullLoadSettings: { TargetTablePrepMode: 'DO_NOTHING' },
  ErrorBehavior: {
    DataErrorPolicy: 'STOP_TASK',
    DataTruncationErrorPolicy: 'STOP_TASK',
    TableErrorPolicy: 'STOP_TASK',
    ApplyErrorDeletePolicy: 'STOP_TASK',
    ApplyErrorInsertPolicy: 'STOP_TASK',
    ApplyErrorUpdatePolicy: 'STOP_TASK',
    FailOnNoTablesCaptured: true,
  },
  ChangeProcessingDdlHandlingPolicy: {
    HandleSourceTableDropped: false,
    HandleSourceTableTruncated: false,
    HandleSourceTableAltered: false,
  },
};

export interface TableRule {
  readonly schema: string;
  readonly table: string;
  readonly filters?: readonly object[];
  readonly action?: string;
}

/** A selection rule for a table. */
export function rule({ schema, table, filters, action = 'include' }: TableRule, index: number): object {
  return {
    'rule-type': 'selection',
    'rule-id': String(index + 1),
    'rule-name': `rule-${index + 1}`,
    'object-locator': { 'schema-name': schema, 'table-name': table },
    'rule-action': action,
    ...(filters === undefined ? {} : { filters }),
  };
}

/** The filter that keeps one org's rows. */
export function ofOrg(orgId: number): object[] {
  return [where('OrgID', [{ 'filter-operator': 'eq', value: String(orgId) }])];
}

export function where(column: string, conditions: readonly object[]): object {
  return { 'filter-type': 'source', 'column-name': column, 'filter-conditions': conditions };
}
