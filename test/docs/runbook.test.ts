import { expect, test } from 'vitest';
import { codesOfTheSource } from './codes.ts';
import { namesIn, type Section, sectionsOf, textOf } from './documents.ts';
import { statesOfTheMachine } from './states.ts';

const sections = sectionsOf(textOf('RUNBOOK.md'));

/** Sections of a chapter that are about something by name, each name with its section. */
function namedUnder(chapter: string): readonly { readonly name: string; readonly section: Section }[] {
  return sections
    .filter(({ under }) => under.includes(chapter))
    .flatMap((section) => namesIn(section.title).map((name) => ({ name, section })));
}

const sorted = (names: Iterable<string>) => [...names].sort();

test('every code of the source has its section, and every section its code', () => {
  const codes = codesOfTheSource();
  // One of each kind, so that a collection which overlooks a kind is noticed.
  const kinds = ['DRAIN_TIMEOUT', 'REVERSE_LAG', 'INTERNAL', 'PREFLIGHT_REFUSED', 'SITE_READ_ONLY', 'USAGE'];
  for (const code of [...kinds, 'DMS_TASK_QUOTA_LOW', 'DMS_INSTANCE_MISSING', 'PROXY_UNFIT']) {
    expect(codes).toContain(code);
  }
  expect(sorted(namedUnder('Codes').map(({ name }) => name))).toEqual(sorted(codes));
});

test('every state of the machine has its section, and every section its state', () => {
  const states = statesOfTheMachine();
  for (const state of ['planned', 'flipping.hold', 'rollingBack.catchUp', 'soaking', 'soaking.soaked', 'completed']) {
    expect(states).toContain(state);
  }
  expect(sorted(namedUnder('States').map(({ name }) => name))).toEqual(sorted(states));
});

test('no section is empty', () => {
  const empty = [...namedUnder('Codes'), ...namedUnder('States')].filter(({ section }) => section.text.trim() === '');
  expect(empty.map(({ name }) => name)).toEqual([]);
});

test('what a person on call may meet has a section, which says what it leaves behind', () => {
  const chapters = sections.map(({ title }) => title);
  expect(chapters).toEqual(expect.arrayContaining(['First five minutes', 'A cutover night', 'Taking an org back']));
  const broken = sections.filter(({ under }) => under.includes('When something is broken'));
  const wanted = [
    'A controller is dead',
    'The store is down',
    'A proxy is dead',
    'A site is cut off',
    'A task failed',
    'A certificate is refused',
    'Restore from nothing',
  ];
  expect(broken.map(({ title }) => title)).toEqual(expect.arrayContaining(wanted));
  const silent = broken.filter(
    ({ title, text }) => wanted.includes(title) && !/^Leaves behind|leaves behind/m.test(text),
  );
  expect(silent.map(({ title }) => title)).toEqual([]);
});
