/** What can be done with a run as it is now. */
import { isEnded, parentOf } from './store';
import type { IExecutionRow } from '../wire';

export type RunAction =
  | 'cancel'
  | 'pause'
  | 'resume'
  | 'retry'
  | 'retryFromHere'
  | 'runWithInputs'
  | 'openNotebook'
  | 'releaseKernel'
  | 'copyCommand';

/** In the order of their buttons. */
export function actionsOf(
  row: IExecutionRow,
  facts: {
    /** The root of what it is under now; null: it is one itself, or that is not known. */
    readonly top: IExecutionRow | null;
    /** Whether Lab has something that opens output notebooks. */
    readonly canOpen: boolean;
    /** Of a wrapper what it runs; null: it is none, or that is not known. */
    readonly subject?: IExecutionRow | null;
  }
): readonly RunAction[] {
  const isOver = isEnded(row.status);
  const requested = row.requested_action;
  const subject = facts.subject ?? null;
  const at = (action: RunAction): IExecutionRow =>
    targetOf(action, row, subject);
  const isPossible: { readonly [action in RunAction]: boolean } = {
    cancel: !isOver && requested !== 'cancel',
    pause: canPause(at('pause')),
    resume: canResume(at('resume')),
    retry: isOver,
    retryFromHere: canRetryFromHere(row, facts.top),
    runWithInputs: true,
    openNotebook: facts.canOpen && hasNotebook(at('openNotebook')),
    releaseKernel: keepsKernel(at('releaseKernel')),
    copyCommand: true
  };
  return ORDER.filter(action => isPossible[action]);
}

/** What is about the cells of a flow: of a wrapper, about those of what it runs. */
const ON_SUBJECT: ReadonlySet<RunAction> = new Set<RunAction>([
  ...(['pause', 'resume', 'openNotebook', 'releaseKernel'] as const)
]);

/**
 * The run with which something is done if a person does it with `row`.
 *
 * @param subject Of a wrapper what it runs; null: it is none, or that is not known.
 */
export function targetOf<T extends IExecutionRow>(
  action: RunAction,
  row: T,
  subject: T | null
): T {
  if (subject === null || !ON_SUBJECT.has(action)) {
    return row;
  }
  // A wrapper may have been paused itself, as from the command line.
  return action === 'resume' && !canResume(subject) ? row : subject;
}

/** Whether it has ended, and its kernel is kept for people. */
export function keepsKernel(row: IExecutionRow): boolean {
  return isEnded(row.status) && row.parked_at !== null;
}

/** Whether it left a notebook that Lab can open: of a script, for its kernel alone. */
export function hasNotebook(row: IExecutionRow): boolean {
  return (
    row.notebook_path !== null && (row.type !== 'SCRIPT' || keepsKernel(row))
  );
}

const ORDER: readonly RunAction[] = [
  ...(['cancel', 'pause', 'resume', 'retryFromHere', 'retry'] as const),
  ...(['runWithInputs', 'openNotebook', 'releaseKernel'] as const),
  'copyCommand'
];

function canResume(row: IExecutionRow): boolean {
  return (
    row.status === 'PAUSED' &&
    row.parked_at === null &&
    row.requested_action === null
  );
}

function canPause(row: IExecutionRow): boolean {
  const isUnderWay = ['QUEUED', 'RUNNING', 'WAITING'].includes(row.status);
  return isUnderWay && row.requested_action === null;
}

/**
 * A retry of the root keeps what succeeded under it: so it goes on from what failed. What
 * succeeded cannot be carried out again in its place.
 */
function canRetryFromHere(
  row: IExecutionRow,
  top: IExecutionRow | null
): boolean {
  const hasFailed = isEnded(row.status) && row.status !== 'ENDED_SUCCESS';
  const isUnder = parentOf(row) !== null && top !== null;
  return hasFailed && isUnder && isEnded(top.status);
}

/** What a retry of a root takes from it, and what it carries out again. */
export interface IRetryPlan {
  readonly kept: number;
  readonly again: number;
}

/** @param rows All of the family of the root. */
export function retryPlan(rows: readonly IExecutionRow[]): IRetryPlan {
  const succeeded = new Set(
    rows
      .filter(row => row.status === 'ENDED_SUCCESS')
      .map(row => row.execution_id)
  );
  const byId = new Map(rows.map(row => [row.execution_id, row]));
  const isKept = (row: IExecutionRow): boolean => {
    let at: IExecutionRow | undefined = row;
    for (let level = 0; at !== undefined && level <= rows.length; level += 1) {
      if (succeeded.has(at.execution_id)) {
        return true; // With all that is under it.
      }
      at = byId.get(parentOf(at) ?? '');
    }
    return false;
  };
  const kept = rows.filter(isKept).length;
  return { kept, again: rows.length - kept };
}

/** How many of them have not ended, without the first: what a cancel of it stops, too. */
export function activeUnder(
  rows: readonly IExecutionRow[],
  executionId: string
): number {
  return rows.filter(
    row => row.execution_id !== executionId && !isEnded(row.status)
  ).length;
}
