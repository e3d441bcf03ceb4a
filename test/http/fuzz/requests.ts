import type { Random } from '../../toAndFro/random.ts';
import { hostile, type Schema, type Spoiled, type Values } from './values.ts';

/** One operation of the description. */
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly role: Role | null;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: 'path' | 'query' | 'header';
    readonly required: boolean;
    readonly schema: Schema;
  }[];
  readonly body: { readonly schema: Schema; readonly required: boolean } | null;
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: Schema }>> }>>;
}

export const roleNames = ['viewer', 'operator', 'approver', 'admin'] as const;
export type Role = (typeof roleNames)[number];

/** A request, and whether it can only be refused. */
export interface FuzzRequest {
  readonly what: string;
  readonly operation: Operation;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload?: string;
  /** Statuses that it may be answered with; empty where the state of things decides. */
  readonly expected: readonly number[];
}

export interface Tokens {
  readonly right: Readonly<Record<Role, string>>;
  readonly wrong: Readonly<Record<string, string>>;
}

/** Everything that the description says there is. */
export function operationsOf(description: {
  paths: Readonly<Record<string, Readonly<Record<string, Record<string, unknown>>>>>;
}): Operation[] {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, raw]): Operation => {
      const body = raw.requestBody as { required?: boolean; content: Record<string, { schema: Schema }> } | undefined;
      const schema = body?.content['application/json']?.schema;
      return {
        method: method.toUpperCase(),
        path,
        role: (raw['x-role'] as Role | undefined) ?? null,
        parameters: raw.parameters as Operation['parameters'],
        body: schema === undefined ? null : { schema, required: body?.required ?? false },
        responses: raw.responses as Operation['responses'],
      };
    }),
  );
}

/** Makes requests of every kind for an operation. */
export class Requests {
  readonly #values: Values;
  readonly #random: Random;
  readonly #tokens: Tokens;
  /** What stands for a path parameter of that name, where something is known to be there. */
  readonly #known: (name: string) => readonly string[];

  constructor(values: Values, random: Random, tokens: Tokens, known: (name: string) => readonly string[]) {
    this.#values = values;
    this.#random = random;
    this.#tokens = tokens;
    this.#known = known;
  }

  /** One that the description allows, by somebody who may. */
  valid(operation: Operation, what = 'valid'): FuzzRequest {
    const above = roleNames.slice(operation.role === null ? 0 : roleNames.indexOf(operation.role));
    const headers: Record<string, string> = operation.role === null ? {} : this.#bearer(this.#values.one(above));
    if (operation.method === 'POST' && this.#random.chance(0.3)) {
      headers['idempotency-key'] = this.#values.one(['key-1', 'key-2', `key-${this.#random.between(3, 1_000)}`]);
    }
    const query = operation.parameters.filter(
      (parameter) => parameter.in === 'query' && (parameter.required || this.#random.chance(0.4)),
    );
    return this.#request(operation, what, {
      headers,
      query: query.map(({ name, schema }) => [name, String(this.#values.valid(schema))]),
      ...(operation.body !== null && (operation.body.required || this.#random.chance(0.7))
        ? { body: this.#values.valid(operation.body.schema) }
        : {}),
    });
  }

  /** Those that have to be refused, whatever the state of things. */
  refused(operation: Operation): FuzzRequest[] {
    return [
      ...(operation.role === null ? [] : this.#unauthorised(operation, operation.role)),
      ...this.#spoiledPaths(operation),
      ...this.#spoiledQueries(operation),
      ...(operation.body === null ? [] : this.#spoiledBodies(operation, operation.body.schema)),
      ...this.#otherMethods(operation),
      ...this.#spoiledKeys(operation),
    ];
  }

  /** Odd, and yet not wrong: any answer but a fault will do. */
  odd(operation: Operation): FuzzRequest[] {
    const valid = this.valid(operation, 'odd headers');
    const oddities: Record<string, string>[] = [
      { accept: 'text/html' },
      { accept: '*/*;q=0' },
      { 'accept-encoding': 'br, zstd;q=nonsense' },
      { 'x-request-id': "' OR 1=1" },
      { 'x-request-id': 'x'.repeat(5_000) },
      { 'if-none-match': '"'.repeat(50) },
      { 'if-none-match': '*' },
      { 'x-forwarded-for': '<script>, 999.999.999.999' },
      { 'x-http-method-override': 'DELETE' },
      { 'last-event-id': 'nothing' },
      { 'content-encoding': 'gzip' },
      { expect: 'nothing' },
    ];
    return oddities.map((odd) => ({
      ...valid,
      what: `odd headers ${JSON.stringify(odd).slice(0, 60)}`,
      headers: { ...valid.headers, ...odd },
    }));
  }

  #unauthorised(operation: Operation, needed: Role): FuzzRequest[] {
    const valid = this.valid(operation);
    const { authorization: _, ...bare } = valid.headers;
    const as = (what: string, authorization: string | null, status: number): FuzzRequest => ({
      ...valid,
      what,
      headers: authorization === null ? bare : { ...bare, authorization },
      expected: [status],
    });
    return [
      as('no token', null, 401),
      as('an empty header', '', 401),
      as('a token without a scheme', this.#tokens.right.admin, 401),
      as('another scheme', `Basic ${Buffer.from('admin:admin').toString('base64')}`, 401),
      as('half a token', `Bearer ${this.#tokens.right.admin.slice(0, -1)}`, 401),
      as('a token far too long', `Bearer ${'x'.repeat(5_000)}`, 401),
      ...Object.entries(this.#tokens.wrong).map(([what, token]) => as(`a token ${what}`, `Bearer ${token}`, 401)),
      ...roleNames
        .slice(0, roleNames.indexOf(needed))
        .map((role) => as(`as ${role}`, `Bearer ${this.#tokens.right[role]}`, 403)),
    ];
  }

  #spoiledPaths(operation: Operation): FuzzRequest[] {
    return operation.parameters
      .filter((parameter) => parameter.in === 'path')
      .flatMap(({ name, schema }) =>
        [...this.#texts(schema), { what: 'far too long', value: 'm'.repeat(3_000) }].map(({ what, value }) =>
          this.#request(
            operation,
            `path ${name} ${what}`,
            { headers: this.#admin(operation), path: { [name]: value }, body: this.#anyBody(operation) },
            [400, 404, 405],
          ),
        ),
      );
  }

  #spoiledQueries(operation: Operation): FuzzRequest[] {
    const parameters = operation.parameters.filter((parameter) => parameter.in === 'query');
    const ask = (what: string, query: [string, string][]) =>
      this.#request(
        operation,
        `query ${what}`,
        { headers: this.#admin(operation), query, body: this.#anyBody(operation) },
        [400],
      );
    const wrong = parameters.flatMap(({ name, schema }) => {
      const good = String(this.#values.valid(schema)).toWellFormed();
      return [
        ask(`${name} twice`, [
          [name, good],
          [name, good],
        ]),
        ...this.#texts(schema).map(({ what, value }) => ask(`${name} ${what}`, [[name, value]])),
      ];
    });
    return parameters.length === 0 ? wrong : [...wrong, ask('that there is not', [['unknown', '1']])];
  }

  #spoiledBodies(operation: Operation, schema: Schema): FuzzRequest[] {
    const send = (what: string, payload: string, type: string | null, expected: number[]): FuzzRequest => {
      const { payload: _, ...request } = this.#request(operation, `body ${what}`, { headers: this.#admin(operation) });
      const headers = { ...request.headers, ...(type === null ? {} : { 'content-type': type }) };
      return { ...request, headers, payload, expected };
    };
    const good = JSON.stringify(this.#values.valid(schema));
    const json = 'application/json';
    return [
      ...this.#values.spoiled(schema).map(({ what, value }) => send(what, JSON.stringify(value), json, [400])),
      send('that breaks off', `${good.slice(0, -1)},`, json, [400]),
      send('that is nothing', '', json, [400]),
      send('that is empty space', '  ', json, [400]),
      send('with a prototype', '{"__proto__": {"orgId": 1}}', json, [400]),
      send('with a constructor', '{"constructor": {"prototype": {"orgId": 1}}}', json, [400]),
      send('of brackets', '['.repeat(30_000), json, [400]),
      send('nested deep', `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`, json, [400]),
      send('too large', JSON.stringify({ reason: 'x'.repeat(600_000) }), json, [413]),
      send('that is no UTF-8', '\ufffe\u0000', json, [400]),
      send('that is XML', '<a/>', 'text/xml', [415]),
      send('that is a form', 'orgId=4', 'application/x-www-form-urlencoded', [415]),
      send('that is text', good, 'text/plain', [415]),
      send('of a type that is none', good, 'nonsense', [415]),
    ];
  }

  #otherMethods(operation: Operation): FuzzRequest[] {
    return ['PUT', 'PATCH', 'DELETE'].map((method) => ({
      ...this.#request(operation, `method ${method}`, { headers: this.#admin(operation) }),
      method,
      expected: operation.role === null ? [404, 405] : [405],
    }));
  }

  #spoiledKeys(operation: Operation): FuzzRequest[] {
    return operation.parameters
      .filter((parameter) => parameter.in === 'header')
      .flatMap(({ name, schema }) =>
        [...this.#texts(schema), { what: 'with blanks', value: 'a b' }]
          .filter(({ value }) => /^[\t\x20-\x7e]+$/.test(value))
          .map(({ what, value }) =>
            this.#request(
              operation,
              `header ${name} ${what}`,
              { headers: { ...this.#admin(operation), [name]: value }, body: this.#anyBody(operation) },
              [400],
            ),
          ),
      );
  }

  /** What is wrong as text: in a URL or a header everything is. */
  #texts(schema: Schema): { what: string; value: string }[] {
    const { type } = this.#values.resolve(schema);
    if (type === 'integer' || type === 'number') {
      const wrong = ['', 'x', '-1', '1.5', '1e3', '0x10', ' 1', '99999999999999999', 'NaN', '１'];
      const { minimum, maximum } = this.#values.resolve(schema);
      if (minimum !== undefined && minimum > 0) wrong.push(String(minimum - 1));
      if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) wrong.push(String(maximum + 1));
      return wrong.map((value) => ({ what: `is ${value}`, value }));
    }
    return this.#values
      .spoiled(schema)
      .filter((spoiled): spoiled is Spoiled & { value: string } => typeof spoiled.value === 'string')
      .filter(({ value }) => value.isWellFormed());
  }

  #anyBody(operation: Operation): unknown {
    return operation.body === null ? undefined : this.#values.valid(operation.body.schema);
  }

  #admin = (operation: Operation): Record<string, string> => (operation.role === null ? {} : this.#bearer('admin'));

  #bearer(role: Role): Record<string, string> {
    return { authorization: `Bearer ${this.#tokens.right[role]}` };
  }

  #request(
    operation: Operation,
    what: string,
    parts: {
      headers: Record<string, string>;
      path?: Record<string, string>;
      query?: readonly (readonly [string, string])[];
      body?: unknown;
    },
    expected: readonly number[] = [],
  ): FuzzRequest {
    const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const schema = operation.parameters.find(
        (parameter) => parameter.in === 'path' && parameter.name === name,
      )?.schema;
      const known = this.#known(name);
      const there = known.length > 0 && this.#random.chance(0.8) ? this.#values.one(known) : null;
      return encodeURIComponent(
        parts.path?.[name] ?? there ?? String(this.#values.valid(schema ?? { type: 'string' })),
      );
    });
    const query = (parts.query ?? [])
      .filter(([, value]) => value.isWellFormed())
      .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
      .join('&');
    return {
      what,
      operation,
      method: operation.method,
      url: query === '' ? path : `${path}?${query}`,
      headers: { ...parts.headers, ...(parts.body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(parts.body === undefined ? {} : { payload: JSON.stringify(parts.body) }),
      expected,
    };
  }
}

/** Paths that the API does not have. */
export const nowhere: readonly string[] = [
  '/v1',
  '/v1/nothing',
  '/v1/migrations/',
  '/v1/migrations/m-none/explode',
  '/v2/migrations',
  '/v1/%zz',
  '/v1/migrations/%',
  '/V1/migrations',
  ...hostile.filter((text) => text.isWellFormed()).map((text) => `/v1/${encodeURIComponent(text)}`),
];
