import { z } from 'zod';
import { DmsFault, invalidParameter } from '../errors.ts';
import type { Region } from '../region.ts';

/** An operation of the API: its input as it must be, and what it answers. */
export interface Operation {
  readonly input: z.ZodType;
  handle(input: unknown, region: Region): unknown;
}

/** Ties an operation's handler to the type of its input. */
export function operation<T extends z.ZodType>(
  input: T,
  handle: (input: z.output<T>, region: Region) => unknown,
): Operation {
  return { input, handle: (parsed, region) => handle(parsed as z.output<T>, region) };
}

export const filtersSchema = z.array(z.object({ Name: z.string(), Values: z.array(z.string()) })).optional();

export type Filters = z.infer<typeof filtersSchema>;

export const tagsSchema = z.array(
  z.object({ Key: z.string().min(1).max(128), Value: z.string().max(256).default('') }),
);

/** Page arguments; the service refuses sizes outside its limits. */
export function pageSchema(
  min: number,
  max: number,
): { MaxRecords: z.ZodOptional<z.ZodNumber>; Marker: z.ZodOptional<z.ZodString> } {
  return { MaxRecords: z.number().int().min(min).max(max).optional(), Marker: z.string().optional() };
}

/**
 * Cuts one page out of a list. The marker names the last item that was shown, so that items which come or go meanwhile shift
 * nothing.
 */
export function page<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  request: { MaxRecords?: number | undefined; Marker?: string | undefined },
  defaultSize = 100,
): { items: T[]; Marker?: string } {
  const sorted = [...items].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  let start = 0;
  if (request.Marker !== undefined && request.Marker !== '') {
    const after = Buffer.from(request.Marker, 'base64url').toString();
    if (!after.startsWith('after:')) throw invalidParameter(`Invalid marker ${request.Marker}`);
    const key = after.slice('after:'.length);
    start = sorted.findIndex((item) => keyOf(item) > key);
    if (start < 0) start = sorted.length;
  }
  const size = request.MaxRecords ?? defaultSize;
  const shown = sorted.slice(start, start + size);
  const last = shown.at(-1);
  if (last === undefined || start + size >= sorted.length) return { items: shown };
  return { items: shown, Marker: Buffer.from(`after:${keyOf(last)}`).toString('base64url') };
}

/** Applies `Filters`: names are ANDed, the values of one ORed; a name that the operation does not know is refused. */
export function applyFilters<T>(
  items: readonly T[],
  filters: Filters,
  fields: Readonly<Record<string, (item: T) => string | readonly string[]>>,
): T[] {
  let left = [...items];
  for (const filter of filters ?? []) {
    const field = fields[filter.Name];
    if (field === undefined) {
      throw invalidParameter(`Invalid filter name ${filter.Name}; known: ${Object.keys(fields).join(', ')}`);
    }
    left = left.filter((item) => [field(item)].flat().some((value) => filter.Values.includes(value)));
  }
  return left;
}

/** Timestamps travel as seconds since 1970, as a number. */
export const seconds = (ms: number): number => ms / 1000;

/** With filters that nothing fits the service does not answer with an empty list. */
export function found<T>(items: T[], filters: Filters, message: string): T[] {
  if (items.length === 0 && filters !== undefined && filters.length > 0) {
    throw new DmsFault('ResourceNotFoundFault', message);
  }
  return items;
}
