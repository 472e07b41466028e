/** Reads what a run is about. */
import type { Api } from '../api';
import type { RunAction } from '../model/run-actions';
import { targetOf } from '../model/run-actions';
import { subjectOf } from '../model/subject';
import type { IFlowkernel } from '../tokens';
import type { IExecution, IExecutionRow } from '../wire';

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

/** The id of the run with which something is done if a person does it with this one. */
export async function readTarget(
  { api, store }: IFlowkernel,
  action: RunAction,
  executionId: string
): Promise<string> {
  const row = store.run(executionId) ?? (await api.execution(executionId));
  if (row.type !== 'WRAPPER') {
    return executionId;
  }
  const { executions } = await api.tree(executionId);
  const subject = subjectOf<IExecutionRow>(row, executions);
  return targetOf(action, row, subject).execution_id;
}
