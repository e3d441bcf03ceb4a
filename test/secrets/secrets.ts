/**
 * Secrets that nobody could take for anything else. Every one has characters that look different in a URL, so that an
 * escaped one is a different text, which is looked for as well.
 */
export class Secrets {
  readonly env: Record<string, string> = {};
  readonly #all = new Map<string, string>();

  /** A new secret, and its reference for a configuration. */
  make(name: string, value = `s3cr3t+${name}/ ?=&%"zz`): { env: string } {
    const variable = `SECRET_${this.#all.size}`;
    this.env[variable] = value;
    this.#all.set(name, value);
    return { env: variable };
  }

  value(name: string): string {
    const found = this.#all.get(name);
    if (found === undefined) throw new Error(`there is no secret ${name}`);
    return found;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Where a secret shows in a text, in whatever form: `the store's password, as Base64: …`. */
  shownIn(text: string): string[] {
    return [...this.#all].flatMap(([name, secret]) =>
      [...formsOf(secret)]
        .filter(([, form]) => text.includes(form))
        .map(([form, found]) => `${name}, ${form}: …${around(text, found)}…`),
    );
  }
}

function formsOf(secret: string): Map<string, string> {
  const forms = new Map([
    ['as it is', secret],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['in JSON in JSON', JSON.stringify(JSON.stringify(secret).slice(1, -1)).slice(1, -1)],
    ['URL-encoded', encodeURIComponent(secret)],
    ['as a form', new URLSearchParams({ a: secret }).toString().slice(2)],
    ['in hexadecimal digits', Buffer.from(secret).toString('hex')],
    ['cut short', secret.slice(0, 16)],
  ]);
  // Base64 of something that it is a part of: three ways to lie, the edges depend on the neighbours.
  for (const offset of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]);
    for (const encoding of ['base64', 'base64url'] as const) {
      forms.set(`as ${encoding}, ${offset} off`, padded.toString(encoding).slice(offset === 0 ? 0 : 4, -5));
    }
  }
  return forms;
}

function around(text: string, found: string): string {
  const at = text.indexOf(found);
  return text.slice(Math.max(0, at - 120), at + found.length + 20);
}
