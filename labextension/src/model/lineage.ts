/** Who started whom, in which cell; what was tried again, and what a retry has adopted. */
import type { ExecutionStatus, IExecutionRow, ISqlResult, Json } from '../wire';
import { idList } from './histories';
import { parentOf } from './store';

export type EdgeKind = 'started' | 'adopted' | 'retry';

export interface ILineageNode {
  readonly key: string;
  readonly name: string;
  /** The run; of several that are alike, the first. */
  readonly executionId: string;
  readonly status: ExecutionStatus;
  /** How many runs it stands for. */
  readonly count: number;
  readonly failed: number;
  readonly isCurrent: boolean;
}

export interface ILineageEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: EdgeKind;
  /** The cell that made the call; null: not known, or it is no call. */
  readonly call: ICall | null;
}

/** The cell of a parent that started a run. */
export interface ICall {
  readonly cellNumber: number | null;
  readonly firstLine: string | null;
}

export interface ILineage {
  readonly nodes: readonly ILineageNode[];
  readonly edges: readonly ILineageEdge[];
}

/** Runs of a graph that is drawn without being asked for, inclusive. */
export const MOST_NODES = 200;
/** So many runs that are alike, and have nothing under them, are one node, until it is opened. */
const MANY_ALIKE = 6;

/**
 * The graph of these runs.
 *
 * @param open Keys of nodes of several runs that are drawn one by one.
 */
export function lineageOf(
  rows: readonly IExecutionRow[],
  currentId: string,
  calls: ReadonlyMap<string, ICall> = new Map(),
  open: ReadonlySet<string> = new Set()
): ILineage {
  const edges = edgesOf(rows, calls);
  const groups = groupsOf(rows, edges, currentId, open);
  const nodes = new Map<string, ILineageNode>();
  for (const row of rows) {
    const key = groups.get(row.execution_id) ?? row.execution_id;
    nodes.set(key, withRow(nodes.get(key), row, key, currentId));
  }
  const keyOf = (id: string): string => groups.get(id) ?? id;
  const merged = new Map<string, ILineageEdge>();
  for (const edge of edges) {
    const both = { ...edge, from: keyOf(edge.from), to: keyOf(edge.to) };
    const key = `${both.kind} ${both.from} ${both.to}`;
    const earlier = merged.get(key);
    const isOther =
      earlier !== undefined && !isSameCall(earlier.call, both.call);
    merged.set(key, isOther ? { ...both, call: null } : both);
  }
  return { nodes: [...nodes.values()], edges: [...merged.values()] };
}

function isSameCall(a: ICall | null, b: ICall | null): boolean {
  return a?.cellNumber === b?.cellNumber;
}

function withRow(
  node: ILineageNode | undefined,
  row: IExecutionRow,
  key: string,
  currentId: string
): ILineageNode {
  const failed = row.status === 'ENDED_ERROR' ? 1 : 0;
  if (node === undefined) {
    const { name, execution_id: executionId, status } = row;
    const isCurrent = executionId === currentId;
    return { key, name, executionId, status, count: 1, failed, isCurrent };
  }
  const status = worse(node.status, row.status);
  const count = node.count + 1;
  const name = row.flow_name ?? node.name;
  return { ...node, name, status, count, failed: node.failed + failed };
}

/** What needs looking at comes first. */
const URGENCY: readonly ExecutionStatus[] = [
  ...(['ENDED_ERROR', 'PAUSED', 'WAITING', 'RUNNING', 'QUEUED'] as const),
  ...(['PENDING', 'ENDED_CANCELLED', 'ENDED_SUCCESS'] as const)
];

function worse(a: ExecutionStatus, b: ExecutionStatus): ExecutionStatus {
  return URGENCY.indexOf(a) <= URGENCY.indexOf(b) ? a : b;
}

function edgesOf(
  rows: readonly IExecutionRow[],
  calls: ReadonlyMap<string, ICall>
): readonly ILineageEdge[] {
  const ids = new Set(rows.map(row => row.execution_id));
  return rows.flatMap(row => {
    const to = row.execution_id;
    const call = calls.get(to) ?? null;
    const ends: readonly (readonly [string | null, EdgeKind, ICall | null])[] =
      [
        [row.parent_id, 'started', call],
        [row.adopted_by, 'adopted', null],
        [row.retry_of, 'retry', null]
      ];
    return ends.flatMap(([from, kind, call]) =>
      from !== null && ids.has(from) ? [{ from, to, kind, call }] : []
    );
  });
}

/** The key of its node for each run that is one of many alike. */
function groupsOf(
  rows: readonly IExecutionRow[],
  edges: readonly ILineageEdge[],
  currentId: string,
  open: ReadonlySet<string>
): ReadonlyMap<string, string> {
  const tied = new Set(edges.map(edge => edge.from));
  edges
    .filter(edge => edge.kind === 'retry')
    .forEach(edge => tied.add(edge.to));
  const members = new Map<string, string[]>();
  for (const row of rows) {
    const id = row.execution_id;
    const parent = parentOf(row);
    const key = `${parent}/${row.parent_id}/${row.flow_name}`;
    const isLeaf = !tied.has(id) && parent !== null && id !== currentId;
    if (isLeaf && !open.has(key)) {
      const ids = members.get(key) ?? [];
      ids.push(id);
      members.set(key, ids);
    }
  }
  const groups = new Map<string, string>();
  for (const [key, ids] of members) {
    if (ids.length >= MANY_ALIKE) {
      ids.forEach(id => groups.set(id, key));
    }
  }
  return groups;
}

// Which cell called.

/** The cell run of its parent that had started last when each run was made. */
export function callsSql(ids: readonly string[]): string {
  return `SELECT child.execution_id::VARCHAR, call.cell_number, call.first_line
FROM execution child ASOF JOIN cell_run call
  ON call.execution_id = child.parent_id AND call.started_at <= child.created_at
WHERE child.execution_id IN (${idList(ids)})`;
}

export function callsOf(result: ISqlResult): ReadonlyMap<string, ICall> {
  return new Map(
    result.rows.map(([id, number, line]) => [
      String(id),
      { cellNumber: numberOf(number), firstLine: textOf(line) }
    ])
  );
}

function numberOf(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

// Where nodes are.

export interface IPlace {
  readonly x: number;
  readonly y: number;
}

export type Direction = 'left' | 'right' | 'up' | 'down';

/** The nearest node in a direction; null: there is none. */
export function neighbourOf(
  places: ReadonlyMap<string, IPlace>,
  key: string,
  direction: Direction
): string | null {
  const here = places.get(key);
  if (here === undefined) {
    return null;
  }
  let nearest: string | null = null;
  let least = Infinity;
  for (const [other, place] of places) {
    const distance = distanceTo(here, place, direction);
    if (other !== key && distance < least) {
      nearest = other;
      least = distance;
    }
  }
  return nearest;
}

/** What is beside the way counts more; Infinity: it is not in that direction. */
function distanceTo(from: IPlace, to: IPlace, direction: Direction): number {
  const isAlongX = direction === 'left' || direction === 'right';
  const sign = direction === 'left' || direction === 'up' ? -1 : 1;
  const [x, y] = [to.x - from.x, to.y - from.y];
  const along = sign * (isAlongX ? x : y);
  const beside = Math.abs(isAlongX ? y : x);
  return along <= 0 ? Infinity : along + 2 * beside;
}
