/** Reads what a lineage draws: the whole family, and the tries before and after it. */
import { useEffect, useMemo } from 'react';

import type { Api } from '../api';
import { useFlowkernel } from '../components/context';
import type { ICall } from '../model/lineage';
import { callsOf, callsSql } from '../model/lineage';
import type { RunStore } from '../model/store';
import type { IExecution, IExecutionRow } from '../wire';
import { useFamilyRows } from './family';
import { useReading } from '../components/reading';

/** Tries before it that are looked up, inclusive; and runs that took something over. */
const MOST_TRIES = 10;
/** Runs of one query about calls, inclusive. */
const CHUNK = 500;

export interface ILineageRows {
  /** Null: they are being read. */
  readonly rows: readonly IExecutionRow[] | null;
  readonly calls: ReadonlyMap<string, ICall>;
  readonly error: unknown;
}

const NO_CALLS: ReadonlyMap<string, ICall> = new Map();

export function useLineageRows(execution: IExecution): ILineageRows {
  const { api, store } = useFlowkernel();
  const id = execution.execution_id;
  const version = `${execution.adopted_by} ${execution.status}`;
  const top = useReading(`top:${id}`, version, () => readTop(api, execution));
  const topId = top.value?.execution_id ?? null;
  // Its rows are kept before they are read, and as long as they are drawn.
  useEffect(
    () => (topId === null ? undefined : store.keepFamily(topId)),
    [store, topId]
  );
  const around = useReading<readonly IExecution[] | null>(
    `around:${topId}`,
    version,
    async () =>
      top.value === null ? null : readAround(api, store, top.value, id)
  );
  const family = useFamilyRows(topId ?? id);
  const rows = useMemo(() => {
    const own = family.map(({ run }) => run);
    const ids = new Set(own.map(run => run.execution_id));
    const others = around.value ?? [];
    return [...others.filter(row => !ids.has(row.execution_id)), ...own];
  }, [family, around.value]);
  const calls = useReading(`calls:${id}`, rows.length, () =>
    readCalls(api, rows)
  );
  return {
    rows: around.value === null ? null : rows,
    calls: calls.value ?? NO_CALLS,
    error: top.error ?? around.error
  };
}

/** The root above a run as it is now; of a root, itself. */
export async function readTop(
  api: Api,
  execution: IExecution
): Promise<IExecution> {
  const above = await api.ancestors(execution.execution_id);
  return above[above.length - 1] ?? execution;
}

/** Read its family into the store; what it gives are runs of other families that have to do with it. */
async function readAround(
  api: Api,
  store: RunStore,
  top: IExecution,
  executionId: string
): Promise<readonly IExecution[]> {
  const tree = await api.tree(top.execution_id);
  store.addRuns([top, ...tree.executions], tree.progress);
  const others = await Promise.all([
    readEarlier(api, top),
    readLater(api, [top.execution_id, executionId]),
    readTied(api, tree.executions)
  ]);
  return unique(others.flat());
}

function unique(rows: readonly IExecution[]): readonly IExecution[] {
  return [...new Map(rows.map(row => [row.execution_id, row])).values()];
}

async function readEarlier(
  api: Api,
  top: IExecution
): Promise<readonly IExecution[]> {
  const tries: IExecution[] = [];
  let id = top.retry_of;
  while (id !== null && tries.length < MOST_TRIES) {
    const earlier = await found(api.execution(id));
    if (earlier !== null) {
      tries.push(earlier);
    }
    id = earlier?.retry_of ?? null;
  }
  return tries;
}

async function readLater(
  api: Api,
  ids: readonly string[]
): Promise<readonly IExecution[]> {
  const list = [...new Set(ids)].join(',');
  const page = await found(
    api.page<IExecution>(`api/execution?retry_of=${list}&limit=${MOST_TRIES}`)
  );
  return page?.rows ?? [];
}

/** Of other families: what some of these try again, and what has taken some of them over. */
async function readTied(
  api: Api,
  rows: readonly IExecution[]
): Promise<readonly IExecution[]> {
  const ids = new Set(rows.map(row => row.execution_id));
  const tied = rows
    .flatMap(row => [row.adopted_by, row.retry_of])
    .filter(id => id !== null && !ids.has(id)) as string[];
  const wanted = [...new Set(tied)].slice(0, MOST_TRIES);
  const others = await Promise.all(wanted.map(id => found(api.execution(id))));
  return others.filter(row => row !== null);
}

/** Null: it was deleted meanwhile. */
async function found<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    console.debug('flowkernel: a part of a lineage is not known.', error);
    return null;
  }
}

async function readCalls(
  api: Api,
  rows: readonly IExecutionRow[]
): Promise<ReadonlyMap<string, ICall>> {
  const ids = rows
    .filter(row => row.parent_id !== null)
    .map(row => row.execution_id);
  const calls = new Map<string, ICall>();
  for (let start = 0; start < ids.length; start += CHUNK) {
    const result = await api.sql(callsSql(ids.slice(start, start + CHUNK)));
    callsOf(result).forEach((call, id) => calls.set(id, call));
  }
  return calls;
}
