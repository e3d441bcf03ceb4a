import { useEffect, useRef, useState } from 'preact/hooks';
import { html, type View } from '../html.ts';
import type { Feed } from '../model/feed.ts';
import { stateText } from '../model/format.ts';
import { groupOf } from '../model/overview.ts';

/** Says changes of state to whoever listens instead of looking: of the org that is open, of a list what begins to wait. */
export function Announcer({ feed }: { feed: Feed }): View {
  const [text, setText] = useState('');
  const states = useRef(new Map<string, string>());
  useEffect(() => {
    const { status, rows } = feed;
    const known = states.current;
    const said: string[] = [];
    if (status !== null) {
      const last = known.get(status.id);
      if (last !== undefined && last !== status.state) said.push(`Org ${status.orgId}: ${stateText(status.state)}`);
      known.set(status.id, status.state);
    }
    for (const row of rows ?? []) {
      const last = known.get(row.id);
      if (last !== undefined && last !== row.state && groupOf(row) === 'you') {
        said.push(`Org ${row.orgId} waits: ${stateText(row.state)}`);
      }
      known.set(row.id, row.state);
    }
    if (said.length > 0) setText(said.join('. '));
  }, [feed.status, feed.rows]);
  return html`<div class="hidden" role="status" aria-live="polite">${text}</div>`;
}
