/**
 * How a run is started again with other inputs: what it ran then, whatever has its name now.
 *
 * A file has no flow, and another flow may have its name: so the run itself says what to start.
 */
import type { IExecution, IExecutionRow, IStart } from '../wire';
import { ranFlow, wrappersAround } from './run-command';
import type { IStartRequest } from './start-request';
import { isInteractive, startFields } from './start-request';

/** Whether a person is asked if a cell of it fails. */
export function asksPersonOf(execution: IExecution): boolean {
  return wrappersAround(execution).some(isInteractive);
}

/** Start what it ran again, with the wrappers that it had. */
export function startAgain(
  execution: IExecution,
  flowRun: IExecutionRow,
  request: IStartRequest
): IStart {
  const around = wrappersAround(execution);
  const earlier = request.asksPerson
    ? around
    : around.filter(use => !isInteractive(use));
  return {
    clone_of: flowRun.execution_id,
    ...startFields(request, earlier)
  };
}

/**
 * Start what it ran again as it was: the same source, inputs and wrappers, and nothing of what
 * came of it.
 *
 * @param subject The run of the flow itself; null: its wrappers never started one.
 */
export function sameAgain(
  execution: IExecution,
  subject: IExecution | null
): IStart {
  const { keeps_kernel: keepsKernel, is_attended: isAttended } = execution;
  return {
    ...(subject === null
      ? cloneOf(execution)
      : cloneThrough(execution, subject)),
    ...(keepsKernel === true ? { keep_kernel: true } : {}),
    ...(isAttended === null ? {} : { is_attended: isAttended }),
    // Somebody may have said that nobody is there for what waits for people.
    is_interactive: execution.is_interactive && isAttended !== false
  };
}

/** A clone of a wrapper runs what that has recorded. */
function cloneOf({ execution_id, inputs, name }: IExecution): IStart {
  return { clone_of: execution_id, inputs: inputs ?? {}, name };
}

function cloneThrough(execution: IExecution, subject: IExecution): IStart {
  const using = wrappersAround(execution);
  const recorded = execution.wrapped?.['name'];
  const name = typeof recorded === 'string' ? recorded : subject.name;
  return {
    clone_of: subject.execution_id,
    inputs: subject.inputs ?? {},
    ...(name === ranFlow(execution) ? {} : { name }),
    ...(using.length === 0 ? {} : { using })
  };
}
