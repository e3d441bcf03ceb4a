import type { Diagnosis } from '../diagnosis/diagnose.ts';
import type { RepairPlan, RepairStep } from '../repair/plan.ts';
import { contradictionsText } from './diagnosisText.ts';

/** A proposal as an operator reads it, with the command that confirms it. */
export function planText(plan: RepairPlan, { contradictions }: Diagnosis): string {
  const head = `org ${plan.orgId}, home region ${plan.homeRegion}: the ${plan.serving} serves it\n`;
  if (plan.steps.length === 0) return `${head}nothing to repair\n${contradictionsText(contradictions)}`;
  const steps = plan.steps.map((step, index) => `  ${index + 1}. ${stepText(step)}\n`).join('');
  const serve = plan.steps.some((step) => step.do === 'journal') ? ` --serve ${plan.serving}` : '';
  return `${head}${contradictionsText(contradictions)}proposal ${plan.planId}:\n${steps}to carry it out: bigdb-cutover repair ${plan.orgId} --config FILE${serve} --confirm ${plan.planId} --reason TEXT\n`;
}

function stepText(step: RepairStep): string {
  switch (step.do) {
    case 'abort':
      return `attempt ${step.attempt} is aborted: nobody committed it`;
    case 'closeFence':
      return `${step.place}: the fence closes to clients: ${step.from} → ${step.to}`;
    case 'openFence':
      return `${step.place}: the fence opens: ${step.from} → ${step.to}`;
    case 'deleteTask':
      return `DMS ${step.homeRegion}: task ${step.task} is deleted`;
    case 'route':
      return `${step.proxy}: the route goes from ${step.from} to ${step.to}, and what waits is let through`;
    case 'journal':
      return `the journal: the migration waits in needsOperator, served by the ${step.serving}`;
  }
}
