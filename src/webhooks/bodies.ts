import type { StateChange } from './events.ts';

/** For programs: a payload as Standard Webhooks has it. */
function eventBody({ id, at, ...data }: StateChange): object {
  return { type: 'migration.state', id, timestamp: at, data };
}

/** For a chat: one line. */
function chatBody({ orgId, homeRegion, previous, state, message, note, reason }: StateChange): object {
  const way = previous === null ? state : `${previous} → ${state}`;
  const why = note === null ? '' : ` (${note})`;
  const trouble = reason === null ? '' : `. ${reason.code}: ${reason.message}. ${reason.remedy}`;
  return { text: escaped(`org ${orgId} (${homeRegion}): ${way}: ${message}${why}${trouble}`) };
}

/** Nobody writes a link or a call to everybody into the chat by the reason of a command. */
function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

const bodies = { event: eventBody, chat: chatBody };
export type BodyFormat = keyof typeof bodies;

/** The text that is signed and sent. */
export function bodyOf(format: BodyFormat, change: StateChange): string {
  return JSON.stringify(bodies[format](change));
}
