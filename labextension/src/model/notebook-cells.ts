/** The cells of an output notebook, read again and again: what is unchanged stays as it is. */
import type { CellRunStatus, INotebookCell, Json } from '../wire';
import type { ITranslate } from './words';

/** The ids of cells that flowkernel adds for decisions. */
const DECISION = /^decision-[\da-f]+$/;

/** What tells a cell apart in its notebook; its place, for one of an older server. */
export function keyOf(cell: INotebookCell): string {
  return cell.id || `at ${cell.index}`;
}

/** Whether this cell says what a person decided: flowkernel wrote it. */
export function isBanner(cell: INotebookCell): boolean {
  return cell.type === 'markdown' && DECISION.test(cell.id ?? '');
}

/** `after`, with the objects of `before` for all that is equal. */
export function keptCells(
  before: readonly INotebookCell[],
  after: readonly INotebookCell[]
): readonly INotebookCell[] {
  const cellsBefore = new Map(before.map(cell => [keyOf(cell), cell]));
  const cells = after.map(cell => keptCell(cellsBefore.get(keyOf(cell)), cell));
  return areSame(cells, before) ? before : cells;
}

function keptCell(
  before: INotebookCell | undefined,
  after: INotebookCell
): INotebookCell {
  if (before === undefined) {
    return after;
  }
  const outputs = after.outputs.map((output, place) => {
    const old = before.outputs[place];
    return old !== undefined && isSame(old, output) ? old : output;
  });
  const cell = {
    ...after,
    outputs: areSame(outputs, before.outputs) ? before.outputs : outputs
  };
  const names = Object.keys(cell) as (keyof INotebookCell)[];
  return names.every(name => cell[name] === before[name]) ? before : cell;
}

function areSame<T>(items: readonly T[], others: readonly T[]): boolean {
  return (
    items.length === others.length &&
    items.every((item, place) => item === others[place])
  );
}

/** Whether two JSON values are equal. */
export function isSame(
  one: Json | undefined,
  other: Json | undefined
): boolean {
  if (
    typeof one !== 'object' ||
    typeof other !== 'object' ||
    one === null ||
    other === null
  ) {
    return one === other;
  }
  const [names, others] = [Object.keys(one), Object.keys(other)];
  return (
    Array.isArray(one) === Array.isArray(other) &&
    names.length === others.length &&
    names.every(
      name =>
        Object.hasOwn(other, name) &&
        isSame(
          (one as { readonly [name: string]: Json })[name],
          (other as { readonly [name: string]: Json })[name]
        )
    )
  );
}

/** The word that people see for how a cell ran; empty: it did not run. */
export function cellWord(
  state: CellRunStatus | null,
  trans: ITranslate
): string {
  switch (state) {
    case null:
      return '';
    case 'RUNNING':
      return trans.__('running');
    case 'SUCCESS':
      return trans.__('succeeded');
    case 'EXITED':
      return trans.__('ended the run');
    case 'ERROR':
      return trans.__('failed');
    case 'ALLOWED_ERROR':
      return trans.__('failed, which is allowed');
    case 'TIMED_OUT':
      return trans.__('took too long');
    case 'INTERRUPTED':
      return trans.__('interrupted');
    case 'KERNEL_DIED':
      return trans.__('its kernel died');
    case 'LOST':
      return trans.__('its worker was lost');
  }
}

/** How a size is said: "3.4 MB". */
export function sizeText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  const step = Math.min(
    units.length - 1,
    Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  );
  const value = bytes / 1000 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}
