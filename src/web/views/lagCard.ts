import type { MigrationStatus } from '../../service/status.ts';
import { html, type View } from '../html.ts';
import { duration } from '../model/format.ts';
import { type LagPoint, limitsOf } from '../model/lag.ts';
import { phaseOf } from '../model/states.ts';
import { useNow } from '../parts/context.ts';
import { LagChart } from './lagChart.ts';

/** A sample older than this is no figure to act on (milliseconds). */
const oldMs = 10_000;

/** Lag both ways, as it is and as it was, with the limits of the policy. */
export function LagCard({ status, points }: { status: MigrationStatus; points: readonly LagPoint[] }): View {
  const nowMs = useNow();
  const { lag, outcome, owner, serving, state } = status;
  const limits = limitsOf(status.policy);
  const wasBack = points.some(({ reverseMs }) => reverseMs !== null);
  const wasForward = points.some(({ forwardMs }) => forwardMs !== null);
  if (points.length === 0 && outcome !== null) return null;
  const ageMs = lag.observedAt === null ? null : nowMs - Date.parse(lag.observedAt);
  const shown = {
    forwardMs: wasForward || serving === 'source' ? limits.forwardMs : null,
    backMs: wasBack || serving === 'cluster' ? limits.backMs : null,
  };
  return html`<section class="card" aria-labelledby="lag">
    <h2 id="lag">Lag</h2>
    <dl class="figures">
      <${Figure} name="To Aurora" tone="forward" ms=${lag.forwardMs} limitMs=${limits.forwardMs} limitName="gate" />
      <${Figure} name="Back to BigDB" tone="back" ms=${lag.reverseMs} limitMs=${limits.backMs} limitName="limit" />
    </dl>
    ${ageMs !== null && ageMs > oldMs && outcome === null && html`<p class="warn">The last sample is ${duration(ageMs)} old.</p>`}
    ${
      lag.observedAt === null &&
      outcome === null &&
      html`<p class="soft">${
        ['planned', 'preflight', 'preflightPassed', 'snapshot', 'snapshotTaken'].includes(phaseOf(state))
          ? 'Nothing travels yet.'
          : `No sample yet. Only the controller that owns the org measures${owner === null ? '' : `: ${owner}`}.`
      }</p>`
    }
    ${points.length > 0 && html`<${LagChart} points=${points} forwardLimitMs=${shown.forwardMs} backLimitMs=${shown.backMs} />`}
  </section>`;
}

function Figure(props: {
  name: string;
  tone: string;
  ms: number | null;
  limitMs: number | null;
  limitName: string;
}): View {
  const { name, tone, ms, limitMs, limitName } = props;
  const isOver = ms !== null && limitMs !== null && ms > limitMs;
  return html`<div class=${isOver ? 'over' : ''}>
    <dt><i class=${`swatch ${tone}`} aria-hidden="true"></i>${name}</dt>
    <dd>${duration(ms)}${isOver && html` <b class="warn">over</b>`}</dd>
    ${limitMs !== null && html`<dd class="soft">${limitName} ${duration(limitMs)}</dd>`}
  </div>`;
}
