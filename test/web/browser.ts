import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const switches = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where the browser is. Throws with what to do where there is none: a page that nobody looked at is not tested. */
export function chromiumPath(env: NodeJS.ProcessEnv = process.env): string {
  const given = env.CHROMIUM_BIN;
  if (given !== undefined && given !== '') return given;
  const found = (env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error(
      'no Chromium on the PATH: on Debian `bash infra/setup/prepare.sh --browser` installs it as root; elsewhere say where it is in CHROMIUM_BIN',
    );
  }
  return found;
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), headless: true, args: switches, timeout: 60_000 });
}

/** A page of its own, with what went wrong in it: messages of the console, refused resources, requests elsewhere. */
export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly faults: string[];
  readonly requested: Set<string>;
}

export async function openPage(
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const faults: string[] = [];
  const requested = new Set<string>();
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // The browser reports every refused request by itself; what the page makes of it is looked at.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(message.text());
  });
  page.on('request', (request) => requested.add(new URL(request.url()).origin));
  return { page, context, faults, requested };
}

/** Enters with a token. */
export async function enter(page: Page, address: string, token: string): Promise<void> {
  await page.goto(address);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Enter' }).click();
  await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
}

/** Where pictures for the documents go, when they are asked for. */
const pictures = process.env.BIGDB_CUTOVER_PICTURES;
/** Takes one of the whole page, where they are asked for. */
export async function picture(page: Page, name: string, height: number): Promise<void> {
  if (pictures === undefined) return;
  const size = page.viewportSize() ?? { width: 1_280, height };
  await page.setViewportSize({ ...size, height });
  await mkdir(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}
