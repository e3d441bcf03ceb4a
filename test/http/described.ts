import { z } from 'zod';
import type { App } from '../../src/http/types.ts';

const documentSchema = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        responses: z.record(
          z.string(),
          z.object({ content: z.record(z.string(), z.object({ schema: z.record(z.string(), z.unknown()) })) }),
        ),
      }),
    ),
  ),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

/** Has every answer in JSON compared with what /openapi.json says of its route and status: another one becomes a 500. */
export function compareWithDescription(app: App, token: string): App {
  let described: Promise<z.output<typeof documentSchema>> | undefined;
  const checks = new Map<string, z.ZodType>();
  app.addHook('onSend', async (request, reply, payload) => {
    const url = request.routeOptions.url;
    const type = String(reply.getHeader('content-type') ?? '').split(';', 1)[0] ?? '';
    if (url === '/openapi.json' || !/json$/.test(type) || !(typeof payload === 'string' || Buffer.isBuffer(payload))) {
      return;
    }
    described ??= app
      .inject({ url: '/openapi.json', headers: { authorization: `Bearer ${token}` } })
      .then((answer) => documentSchema.parse(answer.json()));
    const { paths, components } = await described;
    const path = (url ?? '').replace(/:(\w+)/g, '{$1}');
    const method = request.method === 'HEAD' ? 'get' : request.method.toLowerCase();
    const responses = paths[path]?.[method]?.responses;
    // Of what has no route the description says nothing.
    if (responses === undefined && reply.statusCode >= 400) return;
    const status = String(reply.statusCode);
    const schema = (responses?.[status] ?? (reply.statusCode >= 400 ? responses?.default : undefined))?.content[type];
    if (schema === undefined) throw different(`${method} ${path} answered ${status} ${type}, which is not described`);
    const key = JSON.stringify(schema);
    const check = checks.get(key) ?? validatorOf(schema.schema, components.schemas);
    checks.set(key, check);
    const found = check.safeParse(JSON.parse(payload.toString()));
    if (!found.success) throw different(`${method} ${path} answered ${status}: ${z.prettifyError(found.error)}`);
  });
  return app;
}

function validatorOf(schema: Record<string, unknown>, components: Record<string, unknown>): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: components }).replaceAll('#/components/schemas/', '#/$defs/');
  return z.fromJSONSchema(JSON.parse(text));
}

function different(message: string): Error {
  console.error(`not as described: ${message}`);
  return new Error(message);
}
