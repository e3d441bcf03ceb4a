import { useEffect, useRef } from 'preact/hooks';
import { html, type View } from '../html.ts';
import { hashOf } from '../model/route.ts';

const keys: readonly { readonly keys: string; readonly does: string }[] = [
  { keys: '/', does: 'Search the orgs' },
  { keys: 'j k', does: 'Next and previous org, as ↓ and ↑' },
  { keys: 'Enter', does: 'Open the org' },
  { keys: 'o', does: 'All orgs' },
  { keys: 'w', does: 'The waves' },
  { keys: 'f', does: 'The fleet' },
  { keys: 'c', does: 'To the commands of the org or the wave' },
  { keys: 'Esc', does: 'Close a dialog; leave a field' },
  { keys: '?', does: 'This' },
];

/** Keys that lead somewhere. None gives a command: those are confirmed, with the reason. */
export function useKeys(help: () => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.querySelector('dialog[open]') !== null) return;
      if (/^(INPUT|TEXTAREA)$/.test(target.tagName)) {
        if (event.key === 'Escape') target.blur();
        return;
      }
      const act = {
        '/': () => document.querySelector<HTMLInputElement>('input[name=search]')?.focus(),
        o: () => location.assign(hashOf({ view: 'orgs' })),
        w: () => location.assign(hashOf({ view: 'waves' })),
        f: () => location.assign(hashOf({ view: 'fleet' })),
        c: () => document.querySelector<HTMLButtonElement>('button[data-command]')?.focus(),
        '?': help,
      }[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [help]);
}

export function KeysHelp({ close }: { close: () => void }): View {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return html`<dialog ref=${dialog} onClose=${close} aria-labelledby="keys-title">
    <h2 id="keys-title">Keys</h2>
    <dl class="keys">${keys.map(
      ({ keys: pressed, does }) =>
        html`<div key=${pressed}><dt>${pressed.split(' ').map((key) => html`<kbd key=${key}>${key}</kbd> `)}</dt><dd>${does}</dd></div>`,
    )}</dl>
    <footer><button type="button" class="plain" onClick=${close} autofocus>Close</button></footer>
  </dialog>`;
}
