import type { Attempt, MigrationStatus } from '../../service/status.ts';
import { html, type View } from '../html.ts';
import { clock, duration } from '../model/format.ts';
import { barsOf, ticksOf } from '../model/spans.ts';
import { useNow } from '../parts/context.ts';

/** Every attempt at the flip and at the way back, the last first, with its steps on an axis and the pauses measured. */
export function Attempts({ status }: { status: MigrationStatus }): View {
  const { attempts, policy } = status;
  if (attempts.length === 0) return null;
  const budgetMs = typeof policy.flipBudgetMs === 'number' ? policy.flipBudgetMs : null;
  return html`<section class="card" aria-labelledby="attempts">
    <h2 id="attempts">Flips</h2>
    ${[...attempts].reverse().map((attempt, index) => html`<${OneAttempt} key=${attempt.attempt} attempt=${attempt} budgetMs=${budgetMs} open=${index === 0} />`)}
  </section>`;
}

const directions = { forward: 'to Aurora', back: 'back to BigDB' } as const;
const decisions = {
  commit: { tone: 'done', mark: '✓', text: 'committed' },
  abort: { tone: 'ask', mark: '×', text: 'aborted' },
} as const;

function OneAttempt({ attempt, budgetMs, open }: { attempt: Attempt; budgetMs: number | null; open: boolean }): View {
  const nowMs = useNow(60_000);
  const { attempt: number, direction, startedAt, decision, writePauseMs, readPauseMs, reason } = attempt;
  const how = decision === null ? { tone: 'hot', mark: '⇄', text: 'not decided yet' } : decisions[decision];
  return html`<details class="attempt" open=${open}>
    <summary>
      <b>Attempt ${number}</b> ${directions[direction]}
      <span class=${`badge ${how.tone}`}><span class="mark" aria-hidden="true">${how.mark}</span>${how.text}</span>
      <span class="soft">${clock(startedAt, nowMs)}</span>
    </summary>
    <dl class="figures">
      <div><dt>Writes waited</dt><dd>${duration(writePauseMs)}</dd></div>
      <div><dt>Reads waited</dt><dd>${duration(readPauseMs)}</dd></div>
      ${budgetMs !== null && html`<div class="soft"><dt>Budget</dt><dd>${duration(budgetMs)}</dd></div>`}
    </dl>
    ${reason !== null && html`<p class="warn">${reason.message} <code>${reason.code}</code></p><p>${reason.remedy}</p>`}
    <${Steps} attempt=${attempt} />
  </details>`;
}

/** Steps as bars on the attempt's own axis: what took long is long, and where clients waited is filled. */
function Steps({ attempt }: { attempt: Attempt }): View {
  const bars = barsOf(attempt);
  if (bars.length === 0) return null;
  const totalMs = Math.max(1, ...bars.map(({ fromMs, ms }) => fromMs + ms));
  const at = (ms: number) => `${(ms / totalMs) * 100}%`;
  return html`<table class="axis">
    <caption>Steps <span class="key held"><i aria-hidden="true"></i>writes wait</span> <span class="key"><i aria-hidden="true"></i>nobody waits</span></caption>
    <thead class="hidden"><tr><th scope="col">Step</th><th scope="col">When</th><th scope="col">Took</th></tr></thead>
    <tbody>${bars.map(
      ({ phase, fromMs, ms, ok, held }, index) => html`<tr key=${index} class=${ok ? '' : 'failed'}>
        <th scope="row">${phase}${!ok && html` <b title="it failed">✗<span class="hidden"> failed</span></b>`}</th>
        <td class="lane"><span class=${held ? 'span held' : 'span'} style=${{ left: at(fromMs), width: at(ms) }}></span></td>
        <td class="number">${duration(ms)}</td>
      </tr>`,
    )}</tbody>
    <tfoot aria-hidden="true"><tr><td></td><td class="ticks">${ticksOf(totalMs, 4).map((tick) => html`<span key=${tick} style=${{ left: at(tick) }}>${duration(tick)}</span>`)}</td><td></td></tr></tfoot>
  </table>`;
}
