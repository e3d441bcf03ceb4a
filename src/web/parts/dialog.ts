import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, newKey, type Problem, Refusal } from '../api.ts';
import { html, type View } from '../html.ts';
import { stateText } from '../model/format.ts';
import { usePage } from './context.ts';

/** Something to be confirmed and sent. */
export interface Order {
  readonly title: string;
  readonly about: string;
  /** On the button that gives it. */
  readonly label: string;
  readonly reason: 'needed' | 'optional';
  readonly weight: 'light' | 'heavy' | 'final';
  /** What has to be typed, where it cannot be taken back. */
  readonly typed?: { readonly what: string; readonly text: string };
  /** An org that has to be named. */
  readonly asksOrg?: boolean;
  /** Requests in turn; each gets the answer of the one before. */
  readonly steps: readonly ((input: OrderInput) => { path: string; body: unknown })[];
  readonly done?: (answer: unknown) => void;
}

export interface OrderInput {
  readonly reason: string | undefined;
  readonly orgId: number;
  readonly last: unknown;
}

/** The dialog of an order. It stays until the order is taken or withdrawn, and shows why it was refused. */
export function OrderDialog({ order, close }: { order: Order; close: () => void }): View {
  const { token, idle } = usePage();
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState('');
  const [typed, setTyped] = useState('');
  const [org, setOrg] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const [sending, setSending] = useState(false);
  // Steps that were taken, and a key for each: what is sent again is carried out once.
  const progress = useRef<{ answers: unknown[]; keys: string[] }>({ answers: [], keys: [] });
  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  const missing =
    (order.asksOrg === true && !/^[1-9]\d{0,9}$/.test(org.trim()) && 'Say which org.') ||
    (order.reason === 'needed' && reason.trim() === '' && 'Say why: it goes on record.') ||
    (order.typed !== undefined && typed.trim() !== order.typed.text && `Type ${order.typed.text} to confirm.`) ||
    null;

  const send = async (event: Event) => {
    event.preventDefault();
    if (missing !== null || sending) return;
    setSending(true);
    setProblem(null);
    const { answers, keys } = progress.current;
    try {
      while (answers.length < order.steps.length) {
        const step = order.steps[answers.length] as Order['steps'][number];
        const { path, body } = step({ reason: reason.trim() || undefined, orgId: Number(org), last: answers.at(-1) });
        const key = keys[answers.length] ?? newKey();
        keys[answers.length] = key;
        answers.push(await ask(token, 'POST', path, { body, key }));
      }
      order.done?.(answers.at(-1));
      close();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // A refusal is an answer, which the key would bring back; without one the same request is sent again.
      if (error.problem.status >= 400 && error.problem.status < 500) keys.length = answers.length;
      setProblem(error.problem);
    } finally {
      setSending(false);
    }
  };

  return html`<dialog ref=${dialog} class=${order.weight} onClose=${close} aria-labelledby="order-title">
    <form onSubmit=${send}>
      <h2 id="order-title">${order.title}</h2>
      <p>${order.about}</p>
      ${
        order.asksOrg === true &&
        html`<label>Org <input name="org" inputMode="numeric" autocomplete="off" value=${org} onInput=${(e: InputEvent) => setOrg((e.target as HTMLInputElement).value)} autofocus /></label>`
      }
      <label>
        <span>Reason <small>${order.reason === 'needed' ? 'goes on record' : 'optional, goes on record'}</small></span>
        <textarea name="reason" rows="2" maxLength=${1_000} value=${reason} onInput=${(e: InputEvent) => setReason((e.target as HTMLTextAreaElement).value)} autofocus=${order.asksOrg !== true}></textarea>
      </label>
      ${
        order.typed !== undefined &&
        html`<label><span>${order.typed.what} <b>${order.typed.text}</b></span>
          <input name="typed" autocomplete="off" value=${typed} onInput=${(e: InputEvent) => setTyped((e.target as HTMLInputElement).value)} /></label>`
      }
      <div role="alert">${problem !== null && html`<${ProblemText} problem=${problem} />`}</div>
      <footer>
        <small class="why">${idle ?? missing ?? ''}</small>
        <button type="button" class="plain" onClick=${close}>Not now</button>
        <button type="submit" class=${order.weight} disabled=${missing !== null || sending || idle !== null}>
          ${sending ? 'Sending…' : order.label}
        </button>
      </footer>
    </form>
  </dialog>`;
}

/** A refusal: what was wrong, what to do, and what may be done instead. */
export function ProblemText({ problem }: { problem: Problem }): View {
  const { allowed } = problem;
  return html`<div class="problem">
    <p class="title">${problem.detail}</p>
    <p>${problem.remedy}</p>
    ${
      allowed !== undefined &&
      html`<p>Allowed now: ${allowed.length === 0 ? 'nothing' : allowed.map(stateText).join(', ')}.</p>`
    }
    <p class="fine"><code>${problem.code}</code>${problem.requestId !== undefined && html` · request ${problem.requestId}`}</p>
  </div>`;
}
