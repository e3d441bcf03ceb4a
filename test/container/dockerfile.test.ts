import { expect, test } from 'vitest';
import { z } from 'zod';
import { textOf } from '../docs/documents.ts';
import { copiedInto, type Stage, stages } from './dockerfile.ts';

const pinned = z.object({ devDependencies: z.object({ node: z.string() }) });
const stage = (name: string): Stage => {
  const found = stages().get(name);
  if (found === undefined) throw new Error(`the Dockerfile has no stage ${name}`);
  return found;
};

test('every image is of the Node that the project pins', () => {
  const { node } = pinned.parse(JSON.parse(textOf('package.json'))).devDependencies;
  const outside = [...stages().values()].map(({ from }) => from).filter((from) => !stages().has(from));
  expect(outside.length).toBeGreaterThan(0);
  expect(new Set(outside)).toEqual(new Set([`node:${node}-trixie-slim`]));
});

test('the controller runs as nobody special, with production dependencies, and is asked for its health', () => {
  const controller = stage('controller').instructions;
  expect(controller.at(-1)).toBe('CMD ["serve", "--config", "/etc/bigdb-cutover/config.yaml"]');
  expect(controller).toContain('USER node');
  // After USER nothing is copied or run, so that everything belongs to root.
  expect(controller.slice(controller.indexOf('USER node')).filter((line) => /^(RUN|COPY|ADD) /.test(line))).toEqual([]);
  expect(stage('dependencies').instructions).toContain('RUN npm ci --omit=dev --ignore-scripts');
  const [health] = controller.filter((line) => line.startsWith('HEALTHCHECK '));
  expect(health).toMatch(/CMD \["node", "infra\/container\/health\.ts", /);
});

test('what the controller’s image starts is made executable there: a checkout may have lost the bit', () => {
  const controller = stage('controller').instructions;
  expect(controller).toContain('ENTRYPOINT ["bigdb-cutover"]');
  const made = controller.filter((line) => line.startsWith('RUN ')).join(' ');
  // As the program's first line has it, which a container's start goes past.
  const [, node = ''] = /^#!\/usr\/bin\/env -S (node .*)$/m.exec(textOf('src/cli/main.ts')) ?? [];
  expect(node).toMatch(/ --max-semi-space-size=\d+ --heap-growing-percent=\d+$/);
  expect(made).toMatch(/"\$@".* > \/usr\/local\/bin\/bigdb-cutover/);
  expect(made).toContain(`exec ${node} /opt/bigdb-cutover/src/cli/main.ts`);
  expect(made).toContain('chmod 0755 /usr/local/bin/bigdb-cutover');
});

test('the production image holds neither tests nor the lab', () => {
  const copied = copiedInto(stage('controller'));
  expect(copied).toContain('src');
  expect(
    copied.filter((path) => /^(\.|test|infra|node_modules)$|^infra\/(?!container\/health\.ts$)/.test(path)),
  ).toEqual([]);
});

test('what is copied is let into the build', () => {
  const rules = textOf('infra/container/Dockerfile.dockerignore').split('\n');
  expect(rules[0]).toBe('*');
  const allowed = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1));
  const wanted = [...stages().values()].flatMap(copiedInto);
  expect(wanted.filter((path) => !allowed.includes(path.split('/')[0] ?? ''))).toEqual([]);
});
