import { connect, type Socket } from 'node:net';

/** One request of a poller: the path, and the ETag that it has. */
export interface Poll {
  readonly path: string;
  readonly etag: string | null;
}

export interface Polled {
  readonly perSecond: number;
  /** Longest that one of a hundred waited (milliseconds). */
  readonly p99Ms: number;
  readonly statuses: ReadonlyMap<number, number>;
}

/** So many clients over connections that stay, each asking again as soon as it is answered, for so long. */
export async function poll(
  address: string,
  token: string,
  pollers: number,
  forMs: number,
  next: (poller: number) => Poll,
): Promise<Polled> {
  const { hostname, port } = new URL(address);
  const waits: number[] = [];
  const statuses = new Map<number, number>();
  const sockets: Socket[] = [];
  let counting = false;
  let failed: Error | null = null;

  const start = (poller: number) =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      sockets.push(socket);
      let askedAtMs = 0;
      /** Bytes of the answer that have not come yet; null while its head is read. */
      let left: number | null = null;
      let head = '';
      const ask = () => {
        const { path, etag } = next(poller);
        askedAtMs = performance.now();
        socket.write(
          `GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${token}\r\n${etag === null ? '' : `if-none-match: ${etag}\r\n`}\r\n`,
        );
      };
      socket.once('connect', () => {
        ask();
        resolve();
      });
      socket.once('error', (error) => {
        failed ??= error;
        reject(error);
      });
      socket.on('data', (data) => {
        if (left === null) {
          head += data.toString('latin1');
          const end = head.indexOf('\r\n\r\n');
          if (end < 0) return;
          const length = /\r\ncontent-length: (\d+)/i.exec(head.slice(0, end));
          const status = Number(head.slice(9, 12));
          if (counting) statuses.set(status, (statuses.get(status) ?? 0) + 1);
          left = (status === 304 ? 0 : Number(length?.[1] ?? 0)) - (head.length - end - 4);
          head = '';
        } else {
          left -= data.length;
        }
        if (left > 0) return;
        left = null;
        if (counting) waits.push(performance.now() - askedAtMs);
        ask();
      });
    });

  await Promise.all(Array.from({ length: pollers }, (_, poller) => start(poller)));
  await pause(forMs / 4);
  counting = true;
  const startedAtMs = performance.now();
  await pause(forMs);
  counting = false;
  const tookMs = performance.now() - startedAtMs;
  for (const socket of sockets) socket.destroy();
  if (failed !== null) throw failed;
  waits.sort((one, other) => one - other);
  return {
    perSecond: Math.round((waits.length / tookMs) * 1_000),
    p99Ms: Math.round((waits[Math.floor(waits.length * 0.99)] ?? 0) * 10) / 10,
    statuses,
  };
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
