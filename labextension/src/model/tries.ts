/** Two runs side by side: what is other, and what is the same. */
import type { INotebookCell, Json, JsonObject } from '../wire';
import { isSame } from './notebook-cells';

/** A value by its name in both runs; undefined: that run has none. */
export interface IComparedValue {
  readonly name: string;
  readonly left: Json | undefined;
  readonly right: Json | undefined;
  readonly isSame: boolean;
}

/** By name: those of the left one in their order, then those that only the right one has. */
export function comparedValues(
  left: JsonObject,
  right: JsonObject
): readonly IComparedValue[] {
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].map(name => {
    const [one, other] = [own(left, name), own(right, name)];
    return { name, left: one, right: other, isSame: isSame(one, other) };
  });
}

function own(values: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/** An output of any kind by names: that of one that has none under `word`. */
export function namedParts(value: Json, word: string): JsonObject {
  if (value === null) {
    return {};
  }
  return typeof value === 'object' && !Array.isArray(value)
    ? (value as JsonObject)
    : { [word]: value };
}

/** A cell of both runs, by its number. */
export interface IComparedCell {
  readonly number: number;
  readonly left: INotebookCell | null;
  readonly right: INotebookCell | null;
  /** Whether its outputs are the same. */
  readonly isSame: boolean;
}

/** Cells with outputs. */
export function comparedCells(
  left: readonly INotebookCell[],
  right: readonly INotebookCell[]
): readonly IComparedCell[] {
  const [ones, others] = [byNumber(left), byNumber(right)];
  const numbers = [...new Set([...ones.keys(), ...others.keys()])];
  return numbers
    .sort((a, b) => a - b)
    .map(number => {
      const [one, other] = [ones.get(number), others.get(number)];
      return {
        number,
        left: one ?? null,
        right: other ?? null,
        isSame: haveSameOutputs(one, other)
      };
    })
    .filter(({ left, right }) => hasOutputs(left) || hasOutputs(right));
}

function byNumber(
  cells: readonly INotebookCell[]
): ReadonlyMap<number, INotebookCell> {
  return new Map(
    cells.flatMap(cell => (cell.number === null ? [] : [[cell.number, cell]]))
  );
}

function hasOutputs(cell: INotebookCell | null): boolean {
  return cell !== null && (cell.outputs.length > 0 || cell.is_cut);
}

function haveSameOutputs(
  one: INotebookCell | undefined,
  other: INotebookCell | undefined
): boolean {
  const [left, right] = [one?.outputs ?? [], other?.outputs ?? []];
  return (
    left.length === right.length &&
    left.every((output, place) => isSame(bare(output), bare(right[place]!))) &&
    // Of what was cut, the rest is not here to be compared.
    (one?.bytes ?? 0) === (other?.bytes ?? 0)
  );
}

/** An output without the number that the kernel counts. */
function bare(output: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(output).filter(([name]) => name !== 'execution_count')
  );
}

/** The source of all cells that are the flow's own, each under its number. */
export function wholeSource(
  cells: readonly INotebookCell[],
  title: (number: number) => string
): string {
  return cells
    .filter(cell => cell.type === 'code' && cell.number !== null)
    .map(cell => `# ${title(cell.number!)}\n${cell.source}\n`)
    .join('\n');
}

/** One that a run can be compared with. */
export interface IOtherRun {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly createdAt: string;
}

/** The one before it; for the first one, the next one; null: there is no other. */
export function firstOther(
  tries: readonly IOtherRun[],
  executionId: string
): string | null {
  const place = tries.findIndex(({ id }) => id === executionId);
  return (tries[place - 1] ?? tries[place + 1])?.id ?? null;
}

/**
 * All tries of the same request, the first one first.
 *
 * @param executionId The id of one of them, in full.
 */
export function triesQuery(executionId: string): string {
  return (
    'WITH RECURSIVE before AS (' +
    'SELECT execution_id, retry_of FROM execution ' +
    `WHERE execution_id = '${executionId}'::UUID ` +
    'UNION SELECT e.execution_id, e.retry_of FROM execution e ' +
    'JOIN before b ON e.execution_id = b.retry_of), ' +
    'chain AS (SELECT execution_id FROM before ' +
    'UNION SELECT e.execution_id FROM execution e ' +
    'JOIN chain c ON e.retry_of = c.execution_id) ' +
    'SELECT e.execution_id, e.name, e.status, e.created_at FROM execution e ' +
    'JOIN chain USING (execution_id) ORDER BY e.created_at, e.execution_id LIMIT 200'
  );
}
