import { identifier } from './sqlText.ts';

/** Powers of two between one band of magnitudes and the next. */
const BAND = 49;
const FIRST_BAND = -22; // 2^-1078, below the least double
const LAST_BAND = 20; // up to 2^1029, above the largest
const SCALED = /^(-?[\d.]+)p(-?\d+)$/;

/**
 * SQL for a FLOAT or DOUBLE as text, to the last bit and the same on both servers.
 *
 * Inside an expression a double's text is not: MySQL cuts it to 22 characters, and the servers change from fixed point
 * to exponents at different lengths. Between 1 and 2^49 both write fixed point with all digits that are needed. Any
 * other magnitude is brought there by a power of two, which is exact, and the power is written behind.
 */
export function realForm(column: string): string {
  const value = identifier(column);
  const size = `ABS(${value})`;
  const bands: string[] = [];
  for (let band = FIRST_BAND; band < LAST_BAND; band += 1) {
    if (band !== 0 && band !== -1) bands.push(`WHEN ${size} < ${upperBound(band)} THEN ${scaled(value, band)}`);
  }
  return `CASE WHEN ${size} >= 1 AND ${size} < ${upperBound(0)} THEN CONCAT(${value} * 1e0)
    WHEN ${value} = 0 THEN IF(ATAN2(${value}, -1) < 0, '-0', '0')
    WHEN ${size} < 1 AND ${size} >= ${literal(2 ** -BAND)} THEN ${scaled(value, -1)}
    ${bands.join(' ')} WHEN ${value} IS NOT NULL THEN ${scaled(value, LAST_BAND)} END`;
}

/** The number that a text of {@link realForm} stands for. */
export function realOf(text: string): number {
  const match = SCALED.exec(text);
  if (match === null) return Number(text);
  return factorsOf(-Number(match[2])).reduce((value, factor) => value * factor, Number(match[1]));
}

function scaled(value: string, band: number): string {
  return `CONCAT(${[value, ...factorsOf(band).map(literal)].join(' * ')}, 'p${band}')`;
}

/** Powers of two that bring a band's values to between 1 and 2^49; two where one alone would overflow. */
function factorsOf(band: number): number[] {
  const power = -band * BAND;
  return Math.abs(power) <= 980 ? [2 ** power] : [2 ** (Math.sign(power) * 980), 2 ** (power - Math.sign(power) * 980)];
}

function upperBound(band: number): string {
  return literal(2 ** ((band + 1) * BAND));
}

function literal(value: number): string {
  const text = String(value);
  // Without an exponent it would be a DECIMAL.
  return text.includes('e') ? text : `${text}e0`;
}
