import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'amaro';

/** One file of the page, ready to be sent. */
export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
}

const require = createRequire(import.meta.url);
const ownFolder = fileURLToPath(new URL('../web/', import.meta.url));

/** Libraries as their packages bring them, by the name that the page's modules import. */
const libraries: Readonly<Record<string, string>> = {
  preact: join(dirname(require.resolve('preact/package.json')), 'dist/preact.mjs'),
  'preact/hooks': join(dirname(require.resolve('preact/package.json')), 'hooks/dist/hooks.mjs'),
  htm: join(dirname(require.resolve('htm')), 'htm.module.js'),
  uplot: join(dirname(require.resolve('uplot')), 'uPlot.esm.js'),
};
const libraryPath = (name: string) => `/web/lib/${name.replace('/', '-')}.js`;

const javascript = 'text/javascript; charset=utf-8';
const css = 'text/css; charset=utf-8';

const importMap = JSON.stringify({
  imports: Object.fromEntries(Object.keys(libraries).map((name) => [name, libraryPath(name)])),
});
const hash = createHash('sha256').update(importMap).digest('base64');

/** Nothing from elsewhere, nothing inline but the import map, no frame around it, no form that leaves it. */
const contentSecurityPolicy = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${hash}'`,
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const ofEvery = { 'cache-control': 'no-cache', 'referrer-policy': 'no-referrer' };
const ofDocument = {
  ...ofEvery,
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
};

type Maker = () => { readonly type: string; readonly text: string | Buffer };

/** How each path is made; read when it is first asked for, then kept. */
const makers = new Map<string, Maker>([
  ['/', () => ({ type: 'text/html; charset=utf-8', text: ownText('index.html').replace('"IMPORT_MAP"', importMap) })],
  ['/web/style.css', () => ({ type: css, text: ownText('style.css') })],
  ['/web/icon.svg', () => ({ type: 'image/svg+xml', text: ownText('icon.svg') })],
  [
    '/web/lib/uplot.css',
    () => ({ type: css, text: readFileSync(join(dirname(require.resolve('uplot')), 'uPlot.min.css')) }),
  ],
  ...Object.entries(libraries).map(([name, path]): [string, Maker] => [
    libraryPath(name),
    () => ({ type: javascript, text: readFileSync(path) }),
  ]),
  ...ownModules().map((name): [string, Maker] => [
    `/web/${name}`,
    () => ({ type: javascript, text: transformSync(ownText(name), { mode: 'strip-only' }).code }),
  ]),
]);
const made = new Map<string, PageFile>();

/** Everything that the page consists of: our modules without their types, the libraries, one document. */
export const pageFiles = {
  paths: [...makers.keys()],
  file(path: string): PageFile {
    const there = made.get(path);
    if (there !== undefined) return there;
    const { type, text } = (makers.get(path) as Maker)();
    const body = Buffer.from(text);
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    const file = { type, body, etag, headers: { ...(path === '/' ? ofDocument : ofEvery), etag } };
    made.set(path, file);
    return file;
  },
};

function ownText(name: string): string {
  return readFileSync(join(ownFolder, name), 'utf8');
}

function ownModules(): string[] {
  return readdirSync(ownFolder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
}
