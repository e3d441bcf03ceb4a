import type { OrgTable, TableShape } from '../../ports/place.ts';
import type { Key, RowImage } from '../../verification/chunks.ts';
import { type ColumnType, parseColumnType } from './columnType.ts';
import { keyCondition } from './keyRange.ts';
import type { SidePlan } from './plan.ts';
import { identifier } from './sqlText.ts';

const NUMBER = /^-?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const MOMENT = /^[\d:. -]+$/;

/** SQL that makes rows of one side what their images say. Values are written as numbers and hex only. */
export class RowCopy {
  readonly #plan: SidePlan;
  readonly #org: string;
  readonly #columns: readonly ColumnType[];

  constructor(plan: SidePlan, shape: TableShape, table: OrgTable, orgId: number) {
    if (!Number.isSafeInteger(orgId)) throw new TypeError(`not an org id: ${orgId}`);
    this.#plan = plan;
    this.#org = `${identifier(table.orgColumn)} = ${plan.orgIsText ? `'${orgId}'` : orgId}`;
    // What the server computes is not written.
    this.#columns = shape.columns
      .filter(({ generated }) => !generated)
      .flatMap((column) => parseColumnType(column) ?? []);
  }

  lock(keys: readonly Key[]): string {
    return `SELECT 1 AS locked FROM ${this.#plan.table} WHERE ${this.#rows(keys)} FOR UPDATE`;
  }

  remove(keys: readonly Key[]): string {
    return `DELETE FROM ${this.#plan.table} WHERE ${this.#rows(keys)}`;
  }

  insert(images: readonly RowImage[]): string {
    const names = this.#columns.map(({ column }) => identifier(column)).join(', ');
    const rows = images.map(
      (image) => `(${this.#columns.map((type) => literal(type, valueIn(image, type))).join(', ')})`,
    );
    return `INSERT INTO ${this.#plan.table} (${names}) VALUES ${rows.join(', ')}`;
  }

  #rows(keys: readonly Key[]): string {
    return `${this.#org} AND (${keys.map((key) => keyCondition(this.#plan.key, key)).join(' OR ')})`;
  }
}

/** Column names are the same in any case, on both servers. */
function valueIn(image: RowImage, { column }: ColumnType): RowImage[string] {
  const name = Object.keys(image).find((each) => each.toLowerCase() === column.toLowerCase());
  return name === undefined ? null : (image[name] ?? null);
}

function literal({ family, column }: ColumnType, value: RowImage[string]): string {
  if (value === null) return 'NULL';
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value.base64, 'base64');
  const text = bytes.toString('utf8');
  switch (family) {
    case 'bytes':
      return bytes.length === 0 ? "''" : `X'${bytes.toString('hex')}'`;
    case 'text':
    case 'json':
      return bytes.length === 0 ? "_utf8mb4''" : `_utf8mb4 X'${bytes.toString('hex')}'`;
    case 'exact':
      return checked(NUMBER, text, column);
    case 'real':
      // Without an exponent the literal would be a DECIMAL.
      return /e/i.test(text) ? checked(NUMBER, text, column) : `${checked(NUMBER, text, column)}e0`;
    default:
      return `'${checked(MOMENT, text, column)}'`;
  }
}

function checked(form: RegExp, value: string, column: string): string {
  if (!form.test(value)) throw new TypeError(`column ${column} has a value of another form than its type`);
  return value;
}
