/** How a run is, in the words of every list of ours; strings go through the translator. */
import type { ExecutionStatus, IExecutionRow } from '../wire';
import type { IRun } from './store';

/** What we use of Lab's translator. */
export interface ITranslate {
  __(text: string, ...values: unknown[]): string;
  _n(one: string, many: string, count: number, ...values: unknown[]): string;
}

/** The word that people see for a status. */
export function statusWord(status: ExecutionStatus, trans: ITranslate): string {
  switch (status) {
    case 'PENDING':
      return trans.__('not started');
    case 'QUEUED':
      return trans.__('queued');
    case 'RUNNING':
      return trans.__('running');
    case 'WAITING':
      return trans.__('waiting');
    case 'PAUSED':
      return trans.__('paused');
    case 'ENDED_SUCCESS':
      return trans.__('succeeded');
    case 'ENDED_ERROR':
      return trans.__('failed');
    case 'ENDED_CANCELLED':
      return trans.__('cancelled');
  }
}

/** What people did to it: "1 cell skipped by ada"; empty: nobody touched it. */
export function interventionText(
  run: IExecutionRow,
  trans: ITranslate
): string {
  const cells = [
    trans._n('%1 cell skipped', '%1 cells skipped', run.skipped_cells),
    trans._n('%1 cell edited', '%1 cells edited', run.mended_cells),
    trans._n('%1 cell retried', '%1 cells retried', run.retried_cells)
  ].filter(
    (_, index) =>
      [run.skipped_cells, run.mended_cells, run.retried_cells][index]! > 0
  );
  const by = (text: string, person: string | null) =>
    person === null ? text : trans.__('%1 by %2', text, person);
  return [
    cells.length > 0 ? by(cells.join(', '), run.decided_by) : '',
    run.inputs_changed_by
      ? by(trans.__('inputs changed'), run.inputs_changed_by)
      : '',
    cells.length === 0 && run.decided_by && !run.inputs_changed_by
      ? trans.__('decided by %1', run.decided_by)
      : '',
    run.decided_under ? trans.__('%1 decided under it', run.decided_under) : ''
  ]
    .filter(text => text !== '')
    .join(', ');
}

/** Where it is just now: "cell 3 of 7 (df = load(day))"; empty: not known, or it ended. */
export function progressText(run: IRun, trans: ITranslate): string {
  const { progress, cell_count: count } = run;
  if (run.ended_at !== null || !count || progress === null) {
    return '';
  }
  if (progress.cell_number === null) {
    const ended = Math.min(progress.cells_ended, count);
    return trans.__('%1 of %2 cells', ended, count);
  }
  const cell = trans.__('cell %1 of %2', progress.cell_number, count);
  return progress.first_line && count > 1
    ? `${cell}: ${progress.first_line}`
    : cell;
}

/** How much of it is done, from 0 to 1; null: not known. */
export function doneShare(run: IRun): number | null {
  const { progress, cell_count: count } = run;
  if (run.ended_at !== null || !count || progress === null) {
    return null;
  }
  return Math.min(1, progress.cells_ended / count);
}

/** The line under its name: what it does, waits for, or why it failed. */
export function detailText(run: IRun, trans: ITranslate): string {
  const message = run.status_message ?? '';
  switch (run.status) {
    case 'RUNNING':
      return progressText(run, trans) || (run.progress?.last_log ?? message);
    case 'WAITING':
      return message || progressText(run, trans);
    case 'PAUSED':
      return message || progressText(run, trans);
    default:
      return message;
  }
}

/** The first line of a text of one or many. */
export function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
