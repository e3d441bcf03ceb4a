import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/http/types.ts';
import { projectFolder } from '../docs/documents.ts';
import { fakeApp } from './fakeService.ts';

let app: App;
beforeEach(() => {
  ({ app } = fakeApp());
});
afterEach(() => app.close());

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers });

describe('the page', () => {
  it('is there without a token, with everything that its modules import, and nothing from elsewhere', async () => {
    const document = await get('/');
    expect(document.headers['content-type']).toBe('text/html; charset=utf-8');
    const map = /<script type="importmap">(.*?)<\/script>/s.exec(document.body)?.[1] ?? '';
    const { imports } = JSON.parse(map) as { imports: Record<string, string> };
    const wanted = [...document.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] as string);
    const seen = new Set<string>();
    for (const path of wanted) {
      if (seen.has(path)) continue;
      seen.add(path);
      expect(path).toMatch(/^\//);
      const reply = await get(path);
      expect(reply.statusCode, path).toBe(200);
      expect(reply.headers['x-content-type-options']).toBe('nosniff');
      if (!String(reply.headers['content-type']).startsWith('text/javascript')) continue;
      for (const [, name = ''] of reply.body.matchAll(/^\s*(?:import|export)\b[^'";]*?\bfrom\s*["']([^"']+)["']/gm)) {
        wanted.push(name.startsWith('.') ? new URL(name, `http://x${path}`).pathname : (imports[name] ?? `?${name}`));
      }
    }
    expect([...seen].filter((path) => path.startsWith('/web/lib/'))).toHaveLength(5);
    // Every module of ours is in use.
    const own = readdirSync(join(projectFolder, 'src/web'), { recursive: true, encoding: 'utf8' });
    const modules = own.filter((name) => name.endsWith('.ts')).map((name) => `/web/${name}`);
    expect(modules.filter((path) => !seen.has(path))).toEqual([]);
  });

  it('lets nothing run but its own files and the import map', async () => {
    const { headers, body } = await get('/');
    const policy = String(headers['content-security-policy']);
    const map = /<script type="importmap">(.*?)<\/script>/s.exec(body)?.[1] ?? '';
    const hash = createHash('sha256').update(map).digest('base64');
    expect(policy).toContain(`script-src 'self' 'sha256-${hash}'`);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });

  it('is asked for again in a few bytes', async () => {
    for (const path of ['/', '/web/main.ts', '/web/lib/preact.js', '/web/style.css']) {
      const first = await get(path);
      expect(first.headers['cache-control']).toBe('no-cache');
      const again = await get(path, { 'if-none-match': String(first.headers.etag) });
      expect([again.statusCode, again.body]).toEqual([304, '']);
      expect((await get(path, { 'if-none-match': '"other"' })).statusCode).toBe(200);
    }
  });

  it('has no types left in it', async () => {
    expect((await get('/web/model/spans.ts')).body).not.toMatch(/\binterface\b|import type/);
  });

  it('serves nothing beside the list', async () => {
    for (const path of [
      '/web/tsconfig.json',
      '/web/index.html',
      '/web/../http/app.ts',
      '/web/..%2fhttp%2fapp.ts',
      '/web/%2e%2e/http/app.ts',
      '/web/lib/../main.ts/',
      '/package.json',
      '/node_modules/preact/package.json',
      '/web/',
    ]) {
      expect((await get(path)).statusCode, path).toBe(404);
    }
    expect((await app.inject({ method: 'POST', url: '/' })).statusCode).toBe(404);
  });
});
