/** `name` quoted, whatever it contains. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/**
 * Bytes that never occur in UTF-8 nor in the text of a number, a date or a digest. Because they separate the values
 * and stand for NULL, no two different rows are written as the same text. A plain hex literal would not do: both
 * servers would try to read it in the character set of the columns around it.
 */
export const SEPARATOR = "CAST(X'FF' AS BINARY)";
export const NULL_MARK = "CAST(X'FE' AS BINARY)";

/** Character sets whose bytes are UTF-8 already. */
const UTF8_BYTES = new Set(['utf8mb4', 'utf8mb3', 'utf8', 'ascii']);

/** A text column's value in UTF-8. */
export function utf8(column: string, characterSet: string | null): string {
  const quoted = identifier(column);
  return characterSet !== null && UTF8_BYTES.has(characterSet) ? quoted : `CONVERT(${quoted} USING utf8mb4)`;
}
