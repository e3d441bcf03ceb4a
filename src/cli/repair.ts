import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { type Config, loadConfig } from '../config/index.ts';
import { closeEstate, openEstate } from '../controller.ts';
import { type Diagnosis, diagnose } from '../diagnosis/diagnose.ts';
import { seenValue } from '../diagnosis/observed.ts';
import type { Estate } from '../estate/estate.ts';
import { type Confirmation, carryOut, type RepairReport } from '../repair/carryOut.ts';
import { planRepair } from '../repair/plan.ts';
import type { RepairInvocation } from './args.ts';
import { audited } from './audited.ts';
import { diagnosisText } from './diagnosisText.ts';
import { type ExitCode, exitCodes } from './exitCodes.ts';
import type { Output } from './output.ts';
import { personsFor } from './persons.ts';
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
  const config = loadConfig(invocation.config, env);
  const estate = openEstate(config, pino({ level: 'silent' }));
  try {
    return invocation.command === 'diagnose'
      ? await showDiagnosis(estate, invocation, output)
      : await repair(config, estate, invocation, output);
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
  config: Config,
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
  const report = await confirm(config, estate, diagnosis, { ...confirmed, serve });
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

/**
 * Carries out the confirmed proposal, by an approver who did not start the move. It has to work without the store, too:
 * then nobody knows who did, a second person stands by, and the audit log has no line of it.
 */
async function confirm(
  config: Config,
  estate: Estate,
  diagnosis: Diagnosis,
  { planId, reason, tokens, serve }: NonNullable<RepairInvocation['confirmed']> & Pick<Confirmation, 'serve'>,
): Promise<RepairReport> {
  const { orgId, journal } = diagnosis;
  const migration = seenValue(journal)?.migration ?? null;
  const starters = migration === null ? null : await estate.store.starters(migration.id);
  const persons = await personsFor('repair', config, tokens, starters);
  const instance = `repair-${randomUUID().slice(0, 8)}`;
  const work = () => carryOut(estate, diagnosis, { planId, reason, serve, instance, actor: persons.approver.name });
  if (!journal.seen) return work();
  return audited(estate, persons, { action: 'repair', target: String(orgId), input: { planId, reason, serve } }, work);
}
