import { useState } from 'preact/hooks';
import type { TimelineEvent } from '../../service/status.ts';
import { html, type View } from '../html.ts';
import { clock, duration, stateText } from '../model/format.ts';
import { spansOf, ticksOf } from '../model/spans.ts';
import { toneOf } from '../model/states.ts';
import { useNow } from '../parts/context.ts';
import { Details } from '../parts/small.ts';

/** How long each phase took, on one axis from the beginning until now. */
export function PhaseAxis({ events, ended }: { events: readonly TimelineEvent[]; ended: boolean }): View {
  const nowMs = useNow();
  const spans = spansOf(events, ended);
  const first = spans[0];
  if (first === undefined) return null;
  const endMs = ended ? (spans.at(-1)?.fromMs ?? nowMs) : Math.max(nowMs, spans.at(-1)?.fromMs ?? nowMs);
  const totalMs = Math.max(1, endMs - first.fromMs);
  const at = (ms: number) => `${Math.max(0, Math.min(100, (ms / totalMs) * 100))}%`;
  const rows = [...new Set(spans.map(({ phase }) => phase))].map((phase) => ({
    phase,
    own: spans.filter((span) => span.phase === phase),
  }));
  return html`<section class="card">
    <h2>Phases</h2>
    <table class="axis">
      <caption class="hidden">Phases in time</caption>
      <tbody>${rows.map(({ phase, own }) => {
        const ms = own.reduce((sum, { fromMs, toMs }) => sum + ((toMs ?? endMs) - fromMs), 0);
        return html`<tr key=${phase}>
          <th scope="row">${stateText(phase)}</th>
          <td class="lane">${own.map(
            ({ fromMs, toMs }) =>
              html`<span key=${fromMs} class=${`span tone ${toneOf(phase).name}${toMs === null ? ' open' : ''}`} style=${{ left: at(fromMs - first.fromMs), width: at((toMs ?? endMs) - fromMs) }}></span>`,
          )}</td>
          <td class="number">${ended && own.some(({ fromMs, toMs }) => fromMs === toMs) && ms === 0 ? '' : duration(ms)}</td>
        </tr>`;
      })}</tbody>
      <tfoot aria-hidden="true"><tr><td></td><td class="ticks">${ticksOf(totalMs, 4).map((tick) => html`<span key=${tick} style=${{ left: at(tick) }}>${tick === 0 ? clock(new Date(first.fromMs).toISOString(), nowMs) : duration(tick)}</span>`)}</td><td></td></tr></tfoot>
    </table>
  </section>`;
}

/** Entries drawn at first. */
const shownAtFirst = 40;
const marks: Readonly<Record<string, string>> = { state: '●', command: '▶', effect: '·', note: '–' };

/** Everything that happened, the last first. */
export function Timeline({ events }: { events: readonly TimelineEvent[] }): View {
  const nowMs = useNow(60_000);
  const [shown, setShown] = useState(shownAtFirst);
  return html`<section class="card">
    <h2>Timeline <small class="soft">${events.length} entries, the last first</small></h2>
    ${events.length === 0 && html`<p class="soft">Nothing yet.</p>`}
    <ol class="timeline">${events
      .slice(-shown)
      .reverse()
      .map(
        ({ seq, at, type, state, message, data }) => html`<li key=${seq} class=${type}>
          <time dateTime=${at}>${clock(at, nowMs, true)}</time>
          <span class="mark" title=${type} aria-hidden="true">${marks[type] ?? '·'}</span>
          <div>${
            type === 'state'
              ? html`<span>${stateText(state)}</span> <span class="soft">${message}</span>`
              : html`<span>${message}</span> <span class="soft">${stateText(state)}</span>`
          } <${Details} values=${data} summary="Data" /></div>
        </li>`,
      )}</ol>
    ${events.length > shown && html`<button type="button" class="plain" onClick=${() => setShown(shown + 200)}>${events.length - shown} earlier</button>`}
  </section>`;
}
