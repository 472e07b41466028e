/** Which runs a list shows: chosen by people, asked of the engine, and kept true while rows change. */
import type { ExecutionStatus } from '../wire';
import type { IRun } from './store';
import { isEnded } from './store';

/** The states that people choose from. */
export const STATES = [
  'all',
  'active',
  'failed',
  'succeeded',
  'cancelled',
  'archived'
] as const;
export type StateFilter = (typeof STATES)[number];

export const AGES = ['any', 'hour', 'day', 'week', 'month'] as const;
export type AgeFilter = (typeof AGES)[number];

export interface IRunFilter {
  readonly state: StateFilter;
  readonly age: AgeFilter;
  /** The name of a flow; null: of all. */
  readonly flow: string | null;
  /** What people search for, in names, flows, sentences and ids; empty: nothing. */
  readonly text: string;
}

export const NO_FILTER: IRunFilter = {
  state: 'all',
  age: 'any',
  flow: null,
  text: ''
};

/** Milliseconds. */
const HOUR = 3_600_000;
const LENGTHS: { readonly [age in AgeFilter]: number } = {
  any: Infinity,
  hour: HOUR,
  day: 24 * HOUR,
  week: 7 * 24 * HOUR,
  month: 30 * 24 * HOUR
};

const STATUSES: { readonly [state in StateFilter]?: ExecutionStatus } = {
  failed: 'ENDED_ERROR',
  succeeded: 'ENDED_SUCCESS',
  cancelled: 'ENDED_CANCELLED'
};

/** Whether it is the filter with which a list begins. */
export function isUnfiltered(filter: IRunFilter): boolean {
  const { state, age, flow, text } = filter;
  return state === 'all' && age === 'any' && flow === null && text === '';
}

/** Runs created at this moment or later, as text; null: at any. */
export function sinceOf(filter: IRunFilter, now: number): string | null {
  const length = LENGTHS[filter.age];
  return length === Infinity ? null : new Date(now - length).toISOString();
}

export function matches(run: IRun, filter: IRunFilter, now: number): boolean {
  const since = sinceOf(filter, now);
  return (
    matchesState(run, filter.state) &&
    (filter.flow === null || run.flow === filter.flow) &&
    (since === null || Date.parse(run.created_at) >= Date.parse(since)) &&
    matchesText(run, filter.text)
  );
}

function matchesState(run: IRun, state: StateFilter): boolean {
  if (state === 'archived' || run.is_archived) {
    return state === 'archived' && run.is_archived;
  }
  if (state === 'active') {
    return !isEnded(run.status);
  }
  return state === 'all' || run.status === STATUSES[state];
}

function matchesText(run: IRun, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  return (
    wanted === '' ||
    run.execution_id.startsWith(wanted) ||
    [run.name, run.flow, run.status_message, run.started_by].some(value =>
      value?.toLowerCase().includes(wanted)
    )
  );
}

/** The query parameters of `GET execution` for a filter without a text. */
export function queryOf(
  filter: IRunFilter,
  now: number
): { readonly [name: string]: string | boolean | undefined } {
  return {
    level: 'root',
    status: STATUSES[filter.state],
    is_ended: filter.state === 'active' ? false : undefined,
    is_archived: filter.state === 'archived',
    flow_name: filter.flow ?? undefined,
    since: sinceOf(filter, now) ?? undefined
  };
}

/** The columns of a row in lists, in the order in which `searchSql` gives them. */
export const SEARCH_COLUMNS = [
  ...['execution_id', 'root_id', 'type', 'flow_name', 'flow_version', 'name'],
  ...['status', 'created_at', 'status_message', 'parent_id', 'adopted_by'],
  ...['depth', 'call_key', 'retry_of', 'on_lost', 'cell_timeout', 'started_by'],
  ...['started_at', 'ended_at', 'is_archived', 'notebook_path', 'worker'],
  ...['losses', 'cell_count', 'requested_action', 'parks', 'is_interactive'],
  ...['is_attended', 'parked_at', 'skipped_cells', 'mended_cells'],
  ...['retried_cells', 'decided_by', 'decided_under', 'inputs_changed_by'],
  ...['asked_at', 'answer_seconds', 'last_seq']
] as const;
const MOMENTS = new Set([
  ...['created_at', 'started_at', 'ended_at', 'parked_at', 'asked_at']
]);
const IDS = new Set([
  ...['execution_id', 'root_id', 'parent_id', 'adopted_by', 'retry_of']
]);

/** Roots that a text is in, the newest first; `before`: older than this id. */
export function searchSql(
  filter: IRunFilter,
  now: number,
  limit: number,
  before: string | null
): string {
  const since = sinceOf(filter, now);
  const conditions = [
    'parent_id IS NULL',
    `is_archived = ${filter.state === 'archived'}`,
    filter.state === 'active' ? `status NOT LIKE 'ENDED%'` : '',
    STATUSES[filter.state] ? `status = '${STATUSES[filter.state]}'` : '',
    filter.flow === null
      ? ''
      : `coalesce(wrapped ->> '$.flow_name', flow_name) = ${quoted(filter.flow)}`,
    since === null ? '' : `created_at >= ${quoted(since)}::TIMESTAMP`,
    before === null ? '' : `execution_id < ${quoted(before)}::UUID`,
    textCondition(filter.text)
  ].filter(condition => condition !== '');
  return (
    `SELECT ${SEARCH_COLUMNS.map(column).join(', ')} FROM execution ` +
    `WHERE ${conditions.join(' AND ')} ORDER BY execution_id DESC LIMIT ${limit}`
  );
}

function column(name: string): string {
  if (MOMENTS.has(name)) {
    return `strftime(${name}, '%Y-%m-%dT%H:%M:%S.%fZ')`;
  }
  return IDS.has(name) ? `${name}::VARCHAR` : name;
}

function textCondition(text: string): string {
  const pattern = quoted(`%${escaped(text.trim())}%`);
  const places = ['name', 'flow_name', 'status_message', 'started_by'];
  const parts = [...places, 'execution_id::VARCHAR'].map(
    name => `${name} ILIKE ${pattern} ESCAPE '!'`
  );
  return `(${parts.join(' OR ')})`;
}

/** A text that stands for itself in ILIKE. */
function escaped(text: string): string {
  return text.replace(/[!%_]/g, '!$&');
}

function quoted(text: string): string {
  return `'${text.replace(/'/g, "''")}'`;
}
