import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import pino from 'pino';
import { loadConfig } from '../config/index.ts';
import { closeEstate, openEstate } from '../controller.ts';
import { diagnose } from '../diagnosis/diagnose.ts';
import type { Estate } from '../estate/estate.ts';
import { carryOut } from '../repair/carryOut.ts';
import { planRepair } from '../repair/plan.ts';
import type { RepairInvocation } from './args.ts';
import { diagnosisText } from './diagnosisText.ts';
import { type ExitCode, exitCodes } from './exitCodes.ts';
import type { Output } from './output.ts';
import { planText } from './planText.ts';

/**
 * `diagnose` and `repair`, straight at the databases, the proxies and DMS: they have to work when no controller does.
 * `diagnose` ends with 1 where it found a contradiction, `repair` where it proposes something.
 */
export async function look(
  invocation: RepairInvocation,
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
): Promise<ExitCode> {
  // What goes wrong is part of the answer; a log would only repeat it.
  const estate = openEstate(loadConfig(invocation.config, env), pino({ level: 'silent' }));
  try {
    return invocation.command === 'diagnose'
      ? await showDiagnosis(estate, invocation, output)
      : await repair(estate, invocation, output);
  } finally {
    await closeEstate(estate);
  }
}

async function showDiagnosis(estate: Estate, { orgId, json }: RepairInvocation, output: Output): Promise<ExitCode> {
  const diagnosis = await diagnose(estate, orgId);
  output.out(json ? `${JSON.stringify(diagnosis)}\n` : diagnosisText(diagnosis));
  return diagnosis.contradictions.length === 0 ? exitCodes.ok : exitCodes.failed;
}

async function repair(
  estate: Estate,
  { orgId, serve, confirmed, json }: RepairInvocation,
  output: Output,
): Promise<ExitCode> {
  const diagnosis = await diagnose(estate, orgId);
  if (confirmed === null) {
    const plan = planRepair(diagnosis, serve);
    output.out(json ? `${JSON.stringify(plan)}\n` : planText(plan, diagnosis));
    return plan.steps.length === 0 ? exitCodes.ok : exitCodes.failed;
  }
  const report = await carryOut(estate, diagnosis, {
    ...confirmed,
    serve,
    instance: `repair-${randomUUID().slice(0, 8)}`,
    actor: userInfo().username,
  });
  const left = await diagnose(estate, orgId);
  const { plan, stragglers } = report;
  output.out(
    json
      ? `${JSON.stringify({ ...report, contradictions: left.contradictions })}\n`
      : `org ${orgId}: ${plan.steps.length} steps done; the ${plan.serving} serves it\n${
          stragglers.length > 0 ? `not reached, and retried by a controller: ${stragglers.join(', ')}\n` : ''
        }${diagnosisText(left)}`,
  );
  return exitCodes.ok;
}
