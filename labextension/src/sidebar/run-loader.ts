/** Reads pages of runs: from the list of the engine, or by a query where people search. */
import type { Api } from '../api';
import type { IRunFilter } from '../model/filters';
import { queryOf, searchSql, SEARCH_COLUMNS } from '../model/filters';
import type { IRunPage, RunLoader } from '../model/run-list';
import type { RunStore } from '../model/store';
import type { IExecution, IExecutionRow } from '../wire';

/** Runs of one page; of a search, which looks through all runs, more. */
const PAGE = 200;
const SEARCH_PAGE = 500;

/** Reads pages into the store, and finds out which of the runs have something under them. */
export function runLoader(api: Api, store: RunStore): RunLoader {
  return async (filter, cursor) => {
    const page = await (filter.text.trim() === ''
      ? readList(api, filter, cursor)
      : search(api, filter, cursor));
    // Not awaited: the rows are drawn before it is known.
    void noteChildren(
      api,
      store,
      page.rows.map(row => row.execution_id)
    );
    return page;
  };
}

async function readList(
  api: Api,
  filter: IRunFilter,
  cursor: string | null
): Promise<IRunPage> {
  if (cursor !== null) {
    return api.page<IExecution>(cursor);
  }
  return api.executions({ ...queryOf(filter, Date.now()), limit: PAGE });
}

async function search(
  api: Api,
  filter: IRunFilter,
  cursor: string | null
): Promise<IRunPage> {
  const sql = searchSql(filter, Date.now(), SEARCH_PAGE, cursor);
  const result = await api.sql(sql);
  const rows = result.rows.map(
    values =>
      Object.fromEntries(
        SEARCH_COLUMNS.map((name, index) => [name, values[index] ?? null])
      ) as unknown as IExecutionRow
  );
  const last = rows[rows.length - 1]?.execution_id ?? null;
  return { rows, next: rows.length < SEARCH_PAGE ? null : last };
}

/** Everything that a run has started or adopted. */
export async function readChildren(
  api: Api,
  store: RunStore,
  executionId: string
): Promise<void> {
  const query = `parent_id=${executionId}&limit=1000`;
  const rows = await api.all<IExecution>(`api/execution?${query}`);
  store.addRuns(rows);
  const ids = rows.map(row => row.execution_id);
  store.noteChildren(
    [executionId],
    new Set(ids.length > 0 ? [executionId] : [])
  );
  await noteChildren(api, store, ids);
}

/** Without an answer nothing is lost: a line then can be opened, and has nothing under it. */
async function noteChildren(
  api: Api,
  store: RunStore,
  ids: readonly string[]
): Promise<void> {
  const unknown = ids.filter(id => store.hasChildren(id) === undefined);
  if (unknown.length === 0) {
    return;
  }
  const list = unknown.map(id => `'${id}'`).join(', ');
  const sql =
    'SELECT DISTINCT coalesce(adopted_by, parent_id)::VARCHAR FROM execution ' +
    `WHERE coalesce(adopted_by, parent_id) IN (${list})`;
  try {
    const { rows } = await api.sql(sql);
    store.noteChildren(unknown, new Set(rows.map(row => String(row[0]))));
  } catch (error) {
    console.debug('flowkernel: which runs have others under them?', error);
  }
}
