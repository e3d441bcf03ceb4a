// node health.ts CONFIG: asks the controller on this machine whether it is alive, at the address of its configuration.
// Ends with 0 where /healthz says so, else with 1 and the reason. It reads no secret.

import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { parse } from 'yaml';
import { z } from 'zod';

/** Longest wait for the answer (milliseconds); below the time-out of the image's HEALTHCHECK. */
const timeoutMs = 4_000;

const listening = z.object({
  controller: z.object({
    http: z
      .object({
        host: z.string().default('127.0.0.1'),
        port: z.int().min(1).default(8080),
        tls: z.union([z.literal(false), z.object({})]).optional(),
      })
      .prefault({}),
  }),
});

/** Addresses that mean all of this machine's are asked at its loopback. */
const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function statusOf(file: string): Promise<number> {
  const { host, port, tls } = listening.parse(parse(readFileSync(file, 'utf8'))).controller.http;
  const options = { host: everywhere[host] ?? host, port, path: '/healthz', timeout: timeoutMs };
  return new Promise((resolve, reject) => {
    // The certificate carries the name that clients use, not this machine's loopback; nothing is sent that matters.
    const sent = tls ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
    sent.on('response', (reply) => {
      reply.resume();
      resolve(reply.statusCode ?? 0);
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.on('error', reject);
    sent.end();
  });
}

const [file] = process.argv.slice(2);
try {
  if (file === undefined) throw new Error('usage: health.ts CONFIG');
  const status = await statusOf(file);
  if (status !== 200) throw new Error(`/healthz answered ${status}`);
} catch (error) {
  console.error(`unhealthy: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
