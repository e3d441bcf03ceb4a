import type { Random } from '../../toAndFro/random.ts';

/** JSON Schema as far as the API's own description uses it. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** A value that the schema refuses, and what is wrong with it. */
export interface Spoiled {
  readonly what: string;
  readonly value: unknown;
}

/** Strings that have been somebody's undoing somewhere. */
export const hostile: readonly string[] = [
  "' OR 1=1; DROP TABLE migrations; --",
  '" OR ""="',
  '\\',
  '%',
  '%00',
  'a\u0000b',
  '../../../etc/passwd',
  '__proto__',
  'constructor',
  '<script>alert(1)</script>',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is the point
  '${jndi:ldap://127.0.0.1/a}',
  '{{7*7}}',
  'a\r\nset-cookie: b=c',
  '\u202e\u200b\ufeff',
  '\ud800',
  '😀'.repeat(40),
  'ﷺ'.repeat(300),
  '/* OrgID=4 */',
  '-1',
  '1e309',
  'NaN',
  'null',
  'true',
  '[object Object]',
];

/** Makes values for schemas: good ones, and bad ones of every kind. */
export class Values {
  readonly #random: Random;
  readonly #components: Readonly<Record<string, Schema>>;
  /** Words that mean something here, tried first where a pattern lets them. */
  readonly #words: readonly string[];

  constructor(random: Random, components: Readonly<Record<string, Schema>>, words: readonly string[]) {
    this.#random = random;
    this.#components = components;
    this.#words = words;
  }

  resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const name = schema.$ref.slice('#/components/schemas/'.length);
    const found = this.#components[name];
    if (found === undefined) throw new Error(`the description refers to ${schema.$ref}, which it does not have`);
    return this.resolve(found);
  }

  one<T>(from: readonly T[]): T {
    return from[this.#random.between(0, from.length - 1)] as T;
  }

  /** A value that the schema takes; boundaries come up often. */
  valid(given: Schema): unknown {
    const schema = this.resolve(given);
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices !== undefined) return this.valid(this.one(choices));
    if (schema.const !== undefined) return schema.const;
    if (schema.enum !== undefined) return this.one(schema.enum);
    switch (typeOf(schema)) {
      case 'null':
        return null;
      case 'boolean':
        return this.#random.chance(0.5);
      case 'integer':
      case 'number':
        return this.#number(schema);
      case 'string':
        return this.#string(schema);
      case 'array':
        return Array.from(
          { length: this.#random.between(schema.minItems ?? 0, Math.min(3, schema.maxItems ?? 3)) },
          () => this.valid(schema.items ?? {}),
        );
      case 'object': {
        const entries = Object.entries(schema.properties ?? {}).filter(
          ([name]) => schema.required?.includes(name) || this.#random.chance(0.3),
        );
        return Object.fromEntries(entries.map(([name, property]) => [name, this.valid(property)]));
      }
      default:
        return this.one([null, 1, 'a', {}]);
    }
  }

  /** Every way in which a value can be wrong for the schema, in every depth. */
  spoiled(given: Schema): Spoiled[] {
    const schema = this.resolve(given);
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices !== undefined) {
      const others = choices.filter((each) => typeOf(this.resolve(each)) !== 'null');
      const nullable = others.length < choices.length;
      // What is wrong for null alone may be right for another choice.
      return others.flatMap((each) => this.spoiled(each)).filter(({ value }) => !(nullable && value === null));
    }
    if (schema.const !== undefined || schema.enum !== undefined) {
      return [
        { what: 'a choice that there is not', value: 'nothing-of-the-kind' },
        { what: 'no choice at all', value: null },
      ];
    }
    const type = typeOf(schema);
    const wrong: Spoiled[] = Object.entries({ string: 'text', integer: 1, boolean: true, array: [1], object: { a: 1 } })
      .filter(([name]) => name !== type && !(type === 'number' && name === 'integer'))
      .map(([name, value]) => ({ what: `${name} instead of ${type}`, value }));
    if (type === undefined) return [];
    if (type !== 'null') wrong.push({ what: 'null', value: null });
    const add = (what: string, value: unknown) => void wrong.push({ what, value });
    switch (type) {
      case 'integer':
        add('a fraction', 1.5);
        add('digits as text', '1');
        if (schema.minimum !== undefined) add('too small', schema.minimum - 1);
        if (schema.maximum !== undefined) add('too large', schema.maximum + 1);
        break;
      case 'number':
        if (schema.minimum !== undefined) add('too small', schema.minimum - 0.001);
        if (schema.maximum !== undefined) add('too large', schema.maximum + 0.001);
        break;
      case 'string':
        if ((schema.minLength ?? 0) > 0) add('empty', '');
        if (schema.maxLength !== undefined) add('too long', 'x'.repeat(schema.maxLength + 1));
        if (schema.pattern !== undefined) {
          const pattern = new RegExp(schema.pattern);
          for (const text of hostile) if (!pattern.test(text)) add(`against its pattern: ${text}`, text);
        }
        break;
      case 'object':
        wrong.push(...this.#spoiledObject(schema));
        break;
      case 'array':
        for (const { what, value } of this.spoiled(schema.items ?? {})) add(`an element that is ${what}`, [value]);
        if (schema.maxItems !== undefined) {
          add(
            'too many elements',
            Array.from({ length: schema.maxItems + 1 }, () => this.valid(schema.items ?? {})),
          );
        }
        break;
    }
    return wrong;
  }

  #spoiledObject(schema: Schema): Spoiled[] {
    const whole = () => this.valid(schema) as Record<string, unknown>;
    const wrong: Spoiled[] = [];
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      for (const { what, value } of this.spoiled(property)) {
        wrong.push({ what: `${name}: ${what}`, value: { ...whole(), [name]: value } });
      }
    }
    for (const name of schema.required ?? []) {
      const { [name]: _, ...rest } = whole();
      wrong.push({ what: `${name} is missing`, value: rest });
    }
    if (schema.additionalProperties === false) {
      for (const name of ['unknown', 'Reason', 'toString', '']) {
        wrong.push({ what: `a key that there is not: ${name}`, value: { ...whole(), [name]: 1 } });
      }
    }
    return wrong;
  }

  #number(schema: Schema): number {
    const least = schema.minimum ?? schema.exclusiveMinimum ?? 0;
    const most = schema.maximum ?? schema.exclusiveMaximum ?? 1_000;
    const between = this.#random.between(least, Math.min(most, least + 1_000_000));
    const meaning = this.#words.map(Number).filter((word) => Number.isInteger(word) && word >= least && word <= most);
    return this.one([least, most, between, ...(meaning.length > 0 ? [this.one(meaning), this.one(meaning)] : [])]);
  }

  #string(schema: Schema): string {
    const { minLength = 0, maxLength = 200, pattern } = schema;
    if (schema.format === 'date-time') return new Date(this.#random.between(0, 2_000_000_000) * 1_000).toISOString();
    if (schema.format === 'uri') return 'http://127.0.0.1:1/';
    const fits = (text: string) =>
      text.length >= minLength && text.length <= maxLength && (pattern === undefined || new RegExp(pattern).test(text));
    const boundaries = [minLength, maxLength].map((length) => 'x'.repeat(length));
    const choices = [...this.#words, ...this.#words, ...boundaries, ...hostile].filter(fits);
    if (choices.length > 0) return this.one(choices);
    throw new Error(`no word fits ${JSON.stringify(schema)}: give the fuzz test one`);
  }
}

function typeOf(schema: Schema): string | undefined {
  if (typeof schema.type === 'string') return schema.type;
  return schema.type?.[0];
}
