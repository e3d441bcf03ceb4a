import { type Token, tokenize } from './tokens.ts';
import { UnsupportedSql } from './unsupported.ts';

const END: Token = { kind: 'end', text: '', upper: '', at: 0 };

/** The tokens of one text, with the place where the reading stands. */
export class Cursor {
  readonly sql: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #parameters = 0;

  constructor(sql: string) {
    this.sql = sql;
    this.#tokens = tokenize(sql);
  }

  peek(ahead = 0): Token {
    return this.#tokens[this.#at + ahead] ?? END;
  }

  next(): Token {
    const token = this.peek();
    this.#at += 1;
    return token;
  }

  /** True where the next words are these. */
  sees(...words: readonly string[]): boolean {
    return words.every((word, ahead) => this.#is(this.peek(ahead), word));
  }

  /** Takes the next words where they are these. */
  takes(...words: readonly string[]): boolean {
    if (!this.sees(...words)) return false;
    this.#at += words.length;
    return true;
  }

  expect(...words: readonly string[]): void {
    if (!this.takes(...words)) throw this.unknown(`${words.join(' ')} expected`);
  }

  /** An identifier, quoted or not. */
  name(): string {
    const token = this.next();
    if (token.kind !== 'word' && token.kind !== 'name') throw this.unknown('a name expected');
    return token.text;
  }

  /** One number for each `?`, from the left. */
  parameter(): number {
    this.#parameters += 1;
    return this.#parameters - 1;
  }

  /** `item, item, …` */
  list<T>(item: () => T): T[] {
    const items = [item()];
    while (this.takes(',')) items.push(item());
    return items;
  }

  /** `(item, item, …)` */
  inParentheses<T>(item: () => T): T[] {
    this.expect('(');
    const items = this.list(item);
    this.expect(')');
    return items;
  }

  number(): number {
    const token = this.next();
    if (token.kind !== 'number') throw this.unknown('a number expected');
    return Number(token.text);
  }

  text(): string {
    const token = this.next();
    if (token.kind !== 'text') throw this.unknown('a text expected');
    return token.text;
  }

  atEnd(): boolean {
    this.takes(';');
    return this.peek().kind === 'end';
  }

  unknown(why: string): UnsupportedSql {
    const { at } = this.peek(-1);
    return new UnsupportedSql(this.sql, `${why} near ${JSON.stringify(this.sql.slice(at, at + 40))}`);
  }

  #is(token: Token, word: string): boolean {
    return (token.kind === 'word' || token.kind === 'operator') && token.upper === word;
  }
}
