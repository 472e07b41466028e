/** What the home page lists: what runs now, and what failed since yesterday. */
import type { IHomeRun } from '../wire';
import { momentOf } from './durations';
import type { IRun, RunStore } from './store';

/** Roots of this window that are looked through for what failed meanwhile, inclusive. */
const LOOKED_AT = 1_000;

/** Midnight before yesterday began, where the page is. */
export function sinceYesterday(now: Date): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
}

/** Roots that have not ended, the newest first. */
export function activeRuns(store: RunStore): readonly IRun[] {
  return runsOf(store, store.activeRootIds()).filter(run => !run.is_archived);
}

/** Roots that failed since then, the newest first: those that were read, and those since. */
export function failedRuns(
  read: readonly IHomeRun[],
  store: RunStore,
  since: Date
): readonly IHomeRun[] {
  const runs = new Map(read.map(run => [run.execution_id, run]));
  for (const run of runsOf(store, store.roots.slice(0, LOOKED_AT))) {
    runs.set(run.execution_id, run);
  }
  return [...runs.keys()]
    .flatMap(id => store.run(id) ?? runs.get(id) ?? [])
    .filter(run => hasFailedSince(run, since))
    .sort((a, b) => endOf(b) - endOf(a));
}

function hasFailedSince(run: IHomeRun | IRun, since: Date): boolean {
  const isArchived = 'is_archived' in run && run.is_archived;
  const isFailed = run.status === 'ENDED_ERROR' && !isArchived;
  return isFailed && endOf(run) >= since.getTime();
}

function endOf(run: IHomeRun): number {
  return momentOf(run.ended_at ?? null) ?? 0;
}

function runsOf(store: RunStore, ids: readonly string[]): readonly IRun[] {
  return ids.flatMap(id => store.run(id) ?? []);
}
