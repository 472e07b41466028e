/** The row of a run as this window keeps it. */
import type {
  ExecutionStatus,
  IExecution,
  IExecutionRow,
  IProgress
} from '../wire';

/** A run as lists show it: its row, and how far it is. */
export interface IRun extends IExecutionRow {
  readonly progress: IProgress | null;
  /** The flow that it is about: of a wrapper the one that it runs. */
  readonly flow: string;
}

/** Columns of the row of a change; the JSON columns of a whole row are dropped from lists. */
const JSON_COLUMNS: ReadonlySet<string> = new Set([
  'inputs',
  'defaults',
  'output',
  'error',
  'environment',
  'wrapped',
  'failure',
  'decision',
  'replaced_inputs',
  'answer_waits',
  'variables'
]);

/** The run above it as it is now: who adopted it, or who started it; null: it is a root. */
export function parentOf(row: IExecutionRow): string | null {
  return row.adopted_by ?? row.parent_id;
}

export function isEnded(status: ExecutionStatus): boolean {
  return status.startsWith('ENDED_');
}

/** The row without its JSON columns: a list of 100,000 has no inputs and outputs. */
export function lightRow(row: IExecutionRow): IExecutionRow {
  return 'inputs' in row
    ? (Object.fromEntries(
        Object.entries(row).filter(([name]) => !JSON_COLUMNS.has(name))
      ) as unknown as IExecutionRow)
    : row;
}

/** The flow that a row is about; null: the row of a wrapper that does not say it. */
export function flowOf(row: IExecutionRow): string | null {
  if (row.type !== 'WRAPPER') {
    return row.flow_name;
  }
  const wrapped = (row as Partial<IExecution>).wrapped;
  const flow = wrapped?.['flow_name'];
  if (typeof flow === 'string') {
    return flow;
  }
  // The engine names it "report (retry)", unless it got a name.
  const tail = ` (${row.flow_name})`;
  return row.name.endsWith(tail) ? row.name.slice(0, -tail.length) : null;
}
