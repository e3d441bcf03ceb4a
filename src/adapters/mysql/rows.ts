import { z } from 'zod';

/** A whole number however the server's type made the driver present it (SUM comes as text, COUNT as a number). */
export const integer = z
  .union([z.number(), z.bigint(), z.string().regex(/^-?\d+(\.0*)?$/)])
  .transform(Number)
  .refine(Number.isSafeInteger, 'not a safe integer');

/** Text; metadata columns come as bytes from some versions. */
export const text = z.union([z.string(), z.instanceof(Buffer), z.number()]).transform(String);

export const nullableInteger = integer.nullable();
export const nullableText = text.nullable();

/** A switch: 0/1, ON/OFF, YES/NO, depending on version and place in the protocol. */
export const flag = z.union([z.number(), z.string()]).transform((value) => /^(1|ON|YES|TRUE)$/i.test(String(value)));
