import type { MigrationStatus } from '../../service/status.ts';
import { html, type View } from '../html.ts';
import { ago, clock, stateText, valueText } from '../model/format.ts';
import { servingText, type Tone, toneOf } from '../model/states.ts';
import { useNow } from './context.ts';

/** A state: mark, colour and words. */
export function StateBadge({ state }: { state: string }): View {
  return html`<${ToneBadge} tone=${toneOf(state)} text=${stateText(state)} title=${state} />`;
}

/** A mark, a colour and words. */
export function ToneBadge({ tone, text, title }: { tone: Tone; text: View; title?: string }): View {
  return html`<span class=${`badge ${tone.name}`} title=${title}><span class="mark" aria-hidden="true">${tone.mark}</span>${text}</span>`;
}

/** Which side serves. */
export function Serving({ by }: { by: MigrationStatus['serving'] }): View {
  return html`<span class=${`serving ${by}`}><span aria-hidden="true" class="dot"></span>${servingText[by] ?? by}</span>`;
}

/** How long ago; the moment itself on demand. */
export function Ago({ at }: { at: string }): View {
  const nowMs = useNow();
  return html`<time dateTime=${at} title=${clock(at, 0, true)}>${ago(at, nowMs)}</time>`;
}

/** Something that has to be read: what is wrong, and what to do. */
export function Note(props: {
  tone: 'bad' | 'ask' | 'info' | 'hot';
  title: View;
  children?: View;
  code?: string;
}): View {
  const marks = { bad: '!', ask: '?', info: 'i', hot: '⇄' };
  return html`<div class=${`note ${props.tone}`}>
    <span class="mark" aria-hidden="true">${marks[props.tone]}</span>
    <div>
      <p class="title">${props.title} ${props.code !== undefined && html`<code>${props.code}</code>`}</p>
      ${props.children}
    </div>
  </div>`;
}

/** Details of a reason or a finding, by name. */
export function Details({ values, summary }: { values: Readonly<Record<string, unknown>>; summary: string }): View {
  const entries = Object.entries(values);
  if (entries.length === 0) return null;
  return html`<details class="values">
    <summary>${summary}</summary>
    <dl>${entries.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${valueText(name, value)}</dd></div>`)}</dl>
  </details>`;
}

/** A share of a whole, as a bar with its figure beside it. */
export function Progress({ percent, label }: { percent: number; label: string }): View {
  return html`<progress max="100" value=${percent} aria-label=${label}></progress>`;
}
