/** Runs by their flow: an hourly one does not bury the rest. */
import type { ExecutionStatus } from '../wire';
import { isEnded } from './filters';
import type { RunStore } from './store';

export interface IRunGroup {
  readonly flow: string;
  /** Its roots, the newest first. */
  readonly ids: readonly string[];
  readonly active: number;
  readonly failed: number;
  readonly lastStatus: ExecutionStatus;
}

/** Groups in the order of their newest run. */
export function groupsOf(
  store: RunStore,
  ids: readonly string[]
): readonly IRunGroup[] {
  const byFlow = new Map<string, string[]>();
  for (const id of ids) {
    const flow = store.run(id)?.flow ?? '';
    const group = byFlow.get(flow);
    if (group) {
      group.push(id);
    } else {
      byFlow.set(flow, [id]);
    }
  }
  return [...byFlow].map(([flow, members]) => groupOf(store, flow, members));
}

function groupOf(
  store: RunStore,
  flow: string,
  ids: readonly string[]
): IRunGroup {
  const statuses = ids.map(id => store.run(id)?.status ?? 'PENDING');
  return {
    flow,
    ids,
    active: statuses.filter(status => !isEnded(status)).length,
    failed: statuses.filter(status => status === 'ENDED_ERROR').length,
    lastStatus: statuses[0] ?? 'PENDING'
  };
}
