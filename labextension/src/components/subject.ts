/** Reads what a run is about. */
import type { Api } from '../api';
import { subjectOf } from '../model/subject';
import type { IExecution } from '../wire';

/** Of a wrapper, the run that it wraps; null: that never started. */
export async function readSubject(
  api: Api,
  execution: IExecution
): Promise<IExecution | null> {
  if (execution.type !== 'WRAPPER') {
    return execution;
  }
  const { executions } = await api.tree(execution.execution_id);
  const subject = subjectOf(execution, executions);
  // A row of a tree may have no JSON columns.
  return subject === null ? null : api.execution(subject.execution_id);
}
