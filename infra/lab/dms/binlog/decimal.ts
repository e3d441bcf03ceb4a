const DIGIT_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/** The text of a packed decimal, with all its digits: `-12.3400`. */
export function decodeDecimal(bytes: Buffer, at: number, precision: number, scale: number): string {
  const whole = precision - scale;
  const negative = ((bytes[at] ?? 0) & 0x80) === 0;
  const flip = negative ? 0xff : 0;
  let cursor = at;
  // The sign is the inverted top bit of the first byte; negative numbers have every bit inverted.
  const next = (length: number): number => {
    let value = 0;
    for (let index = 0; index < length; index += 1) {
      let byte = (bytes[cursor] ?? 0) ^ flip;
      if (cursor === at) byte ^= 0x80;
      value = value * 256 + byte;
      cursor += 1;
    }
    return value;
  };
  let text = '';
  const head = whole % 9;
  if (head > 0) text += String(next(DIGIT_BYTES[head] ?? 0));
  for (let group = 0; group < Math.floor(whole / 9); group += 1) text += String(next(4)).padStart(9, '0');
  text = text.replace(/^0+(?=\d)/, '') || '0';
  if (scale > 0) {
    text += '.';
    for (let group = 0; group < Math.floor(scale / 9); group += 1) text += String(next(4)).padStart(9, '0');
    const tail = scale % 9;
    if (tail > 0) text += String(next(DIGIT_BYTES[tail] ?? 0)).padStart(tail, '0');
  }
  return negative ? `-${text}` : text;
}
