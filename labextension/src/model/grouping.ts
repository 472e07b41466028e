/** Runs by their flow: an hourly one does not bury the rest. */
import type { ExecutionStatus } from '../wire';
import type { RunStore } from './store';
import { isEnded } from './store';

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
  const groups = new Map<string, Group>();
  for (const id of ids) {
    const run = store.run(id);
    if (run !== undefined) {
      let group = groups.get(run.flow);
      if (group === undefined) {
        group = new Group(run.flow, run.status);
        groups.set(run.flow, group);
      }
      group.add(id, run.status);
    }
  }
  return [...groups.values()];
}

class Group implements IRunGroup {
  constructor(
    readonly flow: string,
    readonly lastStatus: ExecutionStatus
  ) {}

  add(id: string, status: ExecutionStatus): void {
    this.ids.push(id);
    this.active += isEnded(status) ? 0 : 1;
    this.failed += status === 'ENDED_ERROR' ? 1 : 0;
  }

  readonly ids: string[] = [];
  active = 0;
  failed = 0;
}
