/** The last runs of each flow: those that were read, and what has changed since. */
import type { IFlowSummary, IRecentRun } from '../wire';
import { momentOf } from './durations';
import type { IRun, RunStore } from './store';

/** Runs of a sparkline, inclusive. */
export const RECENT = 20;
/** The newest roots that are looked through for runs of the last moments, inclusive. */
const LOOKED_AT = 500;

export type RecentRuns = ReadonlyMap<string, readonly IRecentRun[]>;

/** By the name of the flow, its last runs, the newest last. */
export function recentRuns(
  summaries: readonly IFlowSummary[],
  store: RunStore
): RecentRuns {
  const runs = new Map<string, Map<string, IRecentRun>>();
  for (const summary of summaries) {
    const recent = summary.runs.map(
      run => [run.execution_id, current(run, store)] as const
    );
    runs.set(summary.flow_name, new Map(recent));
  }
  for (const id of store.roots.slice(0, LOOKED_AT)) {
    const run = store.run(id);
    if (run !== undefined) {
      const recent = runs.get(run.flow) ?? new Map<string, IRecentRun>();
      runs.set(run.flow, recent.set(id, recentRun(run)));
    }
  }
  return new Map([...runs].map(([flow, recent]) => [flow, newest(recent)]));
}

function newest(runs: ReadonlyMap<string, IRecentRun>): readonly IRecentRun[] {
  return [...runs.values()]
    .sort((a, b) => (a.execution_id < b.execution_id ? -1 : 1))
    .slice(-RECENT);
}

function current(run: IRecentRun, store: RunStore): IRecentRun {
  const row = store.run(run.execution_id);
  return row === undefined ? run : recentRun(row);
}

function recentRun(run: IRun): IRecentRun {
  const [start, end] = [momentOf(run.started_at), momentOf(run.ended_at)];
  return {
    execution_id: run.execution_id,
    status: run.status,
    duration_sec: start === null || end === null ? null : (end - start) / 1000,
    created_at: run.created_at
  };
}
