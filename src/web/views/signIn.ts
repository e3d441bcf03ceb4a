import { useState } from 'preact/hooks';
import type { Me } from '../../http/me.ts';
import { ask, type Problem, Refusal } from '../api.ts';
import { html, type View } from '../html.ts';
import { ProblemText } from '../parts/dialog.ts';

/** Asks for a token, and for whose it is. */
export function SignIn({ said, enter }: { said: Problem | null; enter: (token: string, me: Me) => void }): View {
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<Problem | null>(said);
  const [asking, setAsking] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    const given = token.trim();
    if (given === '' || asking) return;
    setAsking(true);
    try {
      enter(given, await ask<Me>(given, 'GET', '/v1/me'));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      setProblem(error.problem);
    } finally {
      setAsking(false);
    }
  };
  return html`<main class="sign-in">
    <form onSubmit=${send} class="card">
      <img src="/web/icon.svg" alt="" width="40" height="40" />
      <h1>BigDB cutover</h1>
      <label><span>Token</span>
        <input type="password" name="token" autocomplete="off" spellcheck=${false} value=${token} onInput=${(e: InputEvent) => setToken((e.target as HTMLInputElement).value)} autofocus /></label>
      <p class="fine">Kept in this tab until it is closed, and sent to this controller only.</p>
      <div role="alert">${problem !== null && html`<${ProblemText} problem=${problem} />`}</div>
      <button type="submit" class="primary" disabled=${token.trim() === '' || asking}>${asking ? 'Asking…' : 'Enter'}</button>
    </form>
  </main>`;
}
