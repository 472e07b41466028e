/**
 * How a run is started again with other inputs: what it ran then, whatever has its name now.
 *
 * A file has no flow, and another flow may have its name: so the run itself says what to start.
 */
import type { IExecution, IExecutionRow, IStart, JsonObject } from '../wire';
import { wrappersAround } from './run-command';
import type { IStartRequest } from './start-request';
import { isInteractive, startFields } from './start-request';
import { parentOf } from './store';

/** What a wrapper calls the run that it wraps. */
const WRAPPED_KEY = 'wrapped';

/**
 * The run of the flow itself: of a wrapper the newest try of what it wraps; null: that never
 * started.
 *
 * @param family The run and all under it.
 */
export function flowRunOf(
  run: IExecutionRow,
  family: readonly IExecutionRow[]
): IExecutionRow | null {
  if (run.type !== 'WRAPPER') {
    return run;
  }
  const wrapped = family
    .filter(row => parentOf(row) === run.execution_id)
    .filter(row => row.call_key === WRAPPED_KEY)
    .sort((a, b) => (a.execution_id < b.execution_id ? 1 : -1));
  return wrapped[0] === undefined ? null : flowRunOf(wrapped[0], family);
}

/** What the flow of a run got: of a wrapper, what it passes on. */
export function flowInputsOf(execution: IExecution): JsonObject {
  const { type, inputs, wrapped } = execution;
  const passed = type === 'WRAPPER' ? wrapped?.['inputs'] : inputs;
  return (passed ?? {}) as JsonObject;
}

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
