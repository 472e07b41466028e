/** What a run was started with, and what it gave, as a page shows it. */
import type { IExecution, Json } from '../wire';

export interface INamedValue {
  readonly name: string;
  readonly value: Json;
  /** Nobody gave it: it is the default of the flow. */
  readonly isDefault: boolean;
}

export interface ITable {
  readonly columns: readonly string[];
  /** Undefined: this row has no such column. */
  readonly rows: readonly (readonly (Json | undefined)[])[];
  /** How many rows there are in all. */
  readonly total: number;
}

/** Rows of a table that are shown, inclusive: the first ones. */
export const MOST_ROWS = 200;
/** Columns of a table, inclusive: what has more is shown as text. */
const MOST_COLUMNS = 50;

/** Those that were given first, then the defaults; a given value has no default beside it. */
export function effectiveInputs(
  execution: Pick<IExecution, 'inputs' | 'defaults'>
): readonly INamedValue[] {
  const inputs = execution.inputs ?? {};
  const defaults = Object.entries(execution.defaults ?? {})
    .filter(([name]) => !Object.hasOwn(inputs, name))
    .map(([name, { value, source }]) => ({
      name,
      value: value === undefined ? (source ?? null) : value,
      isDefault: true
    }));
  return [
    ...Object.entries(inputs).map(([name, value]) => ({
      name,
      value,
      isDefault: false
    })),
    ...defaults
  ];
}

/** A list of objects with plain values as a table; null: it is none. */
export function tableOf(value: Json): ITable | null {
  if (!Array.isArray(value) || value.length === 0) {
    return null;
  }
  const records = value as readonly Json[];
  if (!records.every(isRecord)) {
    return null;
  }
  const visible = records.slice(0, MOST_ROWS);
  const columns = [...new Set(visible.flatMap(row => Object.keys(row)))];
  if (columns.length === 0 || columns.length > MOST_COLUMNS) {
    return null;
  }
  const rows = visible.map(row =>
    columns.map(name => (Object.hasOwn(row, name) ? row[name] : undefined))
  );
  return { columns, rows, total: records.length };
}

function isRecord(value: Json): value is { readonly [name: string]: Json } {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every(
      cell => typeof cell !== 'object' || cell === null
    )
  );
}
