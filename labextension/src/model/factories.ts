/** Rows for tests, with what a test does not say. */
import type { IExecutionRow, IMessageRow } from '../wire';

let count = 0;

/** An id that sorts behind those that were made before. */
export function newId(): string {
  count += 1;
  return `01a22040-0000-7000-8000-${String(count).padStart(12, '0')}`;
}

export function aRow(values: Partial<IExecutionRow> = {}): IExecutionRow {
  const id = values.execution_id ?? newId();
  return {
    execution_id: id,
    root_id: id,
    type: 'FLOW',
    flow_name: 'report',
    flow_version: null,
    name: 'report',
    status: 'RUNNING',
    created_at: '2026-11-28T03:00:00Z',
    status_message: null,
    parent_id: null,
    adopted_by: null,
    depth: 0,
    call_key: null,
    retry_of: null,
    on_lost: 'run_again',
    cell_timeout: null,
    started_by: 'ada (command line)',
    started_at: '2026-11-28T03:00:01Z',
    ended_at: null,
    is_archived: false,
    notebook_path: null,
    worker: null,
    losses: 0,
    cell_count: 3,
    requested_action: null,
    parks: false,
    is_interactive: false,
    is_attended: null,
    parked_at: null,
    skipped_cells: 0,
    mended_cells: 0,
    retried_cells: 0,
    decided_by: null,
    decided_under: null,
    inputs_changed_by: null,
    asked_at: null,
    answer_seconds: 0,
    last_seq: 1,
    ...values
  };
}

/** A row under another one. */
export function aChild(
  parent: IExecutionRow,
  values: Partial<IExecutionRow> = {}
): IExecutionRow {
  return aRow({
    root_id: parent.root_id,
    parent_id: parent.execution_id,
    depth: parent.depth + 1,
    ...values
  });
}

export function aMessage(values: Partial<IMessageRow> = {}): IMessageRow {
  return {
    message_id: newId(),
    execution_id: newId(),
    root_id: newId(),
    subject: 'Which day?',
    message_type: 'INFO',
    created_at: '2026-11-28T03:00:00Z',
    status: 'OPEN',
    call_key: null,
    about_id: null,
    expires_at: null,
    answered_by: null,
    answered_from: null,
    answered_at: null,
    closed_at: null,
    closed_why: null,
    last_seq: 1,
    ...values
  };
}
