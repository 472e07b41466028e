/** Cells that register a flow: which, whether it is as it was registered, and how it went. */
import type { ExecutionStatus, IFlow } from '../wire';
import type { RunStore } from './store';

export interface IFlowCell {
  readonly name: string;
  /** What is registered: the cell below the line of the magic. */
  readonly source: string;
}

/** The flow that a cell registers; null: it registers none. */
export function flowCell(text: string): IFlowCell | null {
  const [line = '', ...rest] = text.split('\n');
  const name = /^%%flow\s+([^\s'"-]\S*)/.exec(line)?.[1];
  return name === undefined ? null : { name, source: rest.join('\n') };
}

/** What is known of its registration; `unknown`: nobody could be asked. */
export type Registration =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none' }
  | { readonly kind: 'registered'; readonly flow: IFlow };

export interface IMark {
  readonly state: 'unregistered' | 'registered' | 'changed';
  readonly last: ILastRun | null;
}

export interface ILastRun {
  readonly execution_id: string;
  readonly status: ExecutionStatus;
  readonly created_at: string;
}

/** Null: there is nothing to be said about it. */
export function markOf(
  cell: IFlowCell,
  registration: Registration,
  last: ILastRun | null
): IMark | null {
  switch (registration.kind) {
    case 'unknown':
      return null;
    case 'none':
      return { state: 'unregistered', last };
    case 'registered': {
      const { source } = registration.flow;
      const isSame = source?.trimEnd() === cell.source.trimEnd();
      return { state: isSame ? 'registered' : 'changed', last };
    }
  }
}

/** Roots that are looked through for the last run of a flow, inclusive: the newest ones. */
const LOOKED_AT = 1_000;

/** The last run of a flow among those that this window knows. */
export function lastRun(store: RunStore, flow: string): ILastRun | null {
  for (const id of store.roots.slice(0, LOOKED_AT)) {
    const run = store.run(id);
    if (run?.flow === flow) {
      return run;
    }
  }
  return null;
}
