/**
 * What a run is about: of a wrapper the run that it wraps, through wrappers of wrappers.
 *
 * A person who starts a flow through wrappers means the flow. This is the one place that says
 * which run that is; pages show its inputs, notebook and log, and act on it.
 */
import type { IExecution, IExecutionRow, JsonObject } from '../wire';
import { isEnded, parentOf } from './run-row';

/** What a wrapper calls the run that it wraps. */
const WRAPPED_KEY = 'wrapped';

/**
 * The run, the wrappers inside of it, and last what these run: of each the newest try.
 *
 * @param family The run and all under it.
 */
export function chainOf<T extends IExecutionRow>(
  run: T,
  family: readonly T[]
): readonly T[] {
  const chain = [run];
  for (let at: T | null = run; at?.type === 'WRAPPER';) {
    at = newestWrapped(at, family);
    if (at !== null) {
      chain.push(at);
    }
  }
  return chain;
}

function newestWrapped<T extends IExecutionRow>(
  wrapper: T,
  family: readonly T[]
): T | null {
  return family
    .filter(row => parentOf(row) === wrapper.execution_id)
    .filter(row => row.call_key === WRAPPED_KEY)
    .reduce<T | null>(
      (newest, row) =>
        newest === null || row.execution_id > newest.execution_id
          ? row
          : newest,
      null
    );
}

/** The last of a chain, if it is no wrapper; null: what is wrapped never started. */
export function lastOf<T extends IExecutionRow>(chain: readonly T[]): T | null {
  const last = chain[chain.length - 1];
  return last === undefined || last.type === 'WRAPPER' ? null : last;
}

/** What a run is about; null: it is a wrapper, and what that runs never started. */
export function subjectOf<T extends IExecutionRow>(
  run: T,
  family: readonly T[]
): T | null {
  return lastOf(chainOf(run, family));
}

/** What the flow of a run got: of a wrapper, what it passes on. */
export function flowInputsOf(execution: IExecution): JsonObject {
  const { type, inputs, wrapped } = execution;
  const passed = type === 'WRAPPER' ? wrapped?.['inputs'] : inputs;
  return (passed ?? {}) as JsonObject;
}

/**
 * A run as its page shows it: of a wrapper its own state and output, with the inputs of what it
 * runs, and the error of that until it has one itself.
 *
 * @param subject What it is about; null: that never started, or is not read yet.
 */
export function contentOf(
  execution: IExecution,
  subject: IExecution | null
): IExecution {
  if (execution.type !== 'WRAPPER') {
    return execution;
  }
  const isOver = isEnded(execution.status);
  return {
    ...execution,
    inputs: subject?.inputs ?? flowInputsOf(execution),
    defaults: subject?.defaults ?? null,
    error: execution.error ?? (isOver ? null : (subject?.error ?? null))
  };
}
