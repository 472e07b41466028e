/**
 * The lines of a tree of runs, as far as it is open.
 *
 * They are made when they are asked for: of 100,000 runs only those in sight have a line.
 */
import type { IRunGroup } from './grouping';
import { newestFirst, oldestFirst, placeIn } from './sorted-ids';
import type { RunStore } from './store';

interface ILine {
  /** Stands for this line, and for no other. */
  readonly key: string;
  /** From 1. */
  readonly level: number;
  /** Its place among those beside it, from 1, and how many they are. */
  readonly place: number;
  readonly siblings: number;
  /** Null: nothing is under it. */
  readonly isOpen: boolean | null;
}

export type TreeLine =
  | (ILine & { readonly kind: 'run'; readonly executionId: string })
  | (ILine & { readonly kind: 'group'; readonly group: IRunGroup });

/** Rows of a list or a tree, made when they are asked for. */
export interface IRows<Row> {
  readonly length: number;
  /** Undefined: there are not so many. */
  at(index: number): Row | undefined;
  /** -1: there is none. */
  indexOf(key: string): number;
}

/** Deeper than this a tree does not open. */
const DEEPEST = 50;

/** The rows of a list that is there. */
export function rowsOf<Row extends { readonly key: string }>(
  rows: readonly Row[]
): IRows<Row> {
  return {
    length: rows.length,
    at: index => rows[index],
    indexOf: key => rows.findIndex(row => row.key === key)
  };
}

/** Some lines of one level, and the branches under those that are open. */
class Branch implements IRows<TreeLine> {
  constructor(
    private readonly _count: number,
    private readonly _line: (index: number) => TreeLine | undefined,
    private readonly _find: (key: string) => number,
    /** By the index of their line, the smallest first. */
    private readonly _open: readonly (readonly [number, Branch])[]
  ) {
    this.length = _open.reduce(
      (sum, [, branch]) => sum + branch.length,
      _count
    );
  }

  readonly length: number;

  at(index: number): TreeLine | undefined {
    let above = 0; // Lines of branches above it.
    for (const [place, branch] of this._open) {
      const inside = index - place - 1 - above;
      if (inside < 0) {
        break;
      }
      if (inside < branch.length) {
        return branch.at(inside);
      }
      above += branch.length;
    }
    const own = index - above;
    return own < this._count ? this._line(own) : undefined;
  }

  indexOf(key: string): number {
    const own = this._find(key);
    let above = 0;
    for (const [place, branch] of this._open) {
      if (own >= 0 && own <= place) {
        break;
      }
      const inside = own < 0 ? branch.indexOf(key) : -1;
      if (inside >= 0) {
        return place + 1 + above + inside;
      }
      above += branch.length;
    }
    return own < 0 ? -1 : own + above;
  }
}

/** The lines of these runs and of what is under those that are open. */
export function linesOf(
  store: RunStore,
  ids: readonly string[],
  open: ReadonlySet<string>
): IRows<TreeLine> {
  return branchOf(store, ids, open, 1);
}

/** The lines of groups, and of the runs in those that are open. */
export function groupLinesOf(
  store: RunStore,
  groups: readonly IRunGroup[],
  open: ReadonlySet<string>
): IRows<TreeLine> {
  const line = (index: number): TreeLine | undefined => {
    const group = groups[index];
    if (group === undefined) {
      return undefined;
    }
    const key = groupKey(group.flow);
    return {
      kind: 'group',
      key,
      group,
      level: 1,
      place: index + 1,
      siblings: groups.length,
      isOpen: open.has(key)
    };
  };
  const branches = groups.flatMap((group, index) =>
    open.has(groupKey(group.flow))
      ? [[index, branchOf(store, group.ids, open, 2)] as const]
      : []
  );
  const find = (key: string): number =>
    groups.findIndex(group => groupKey(group.flow) === key);
  return new Branch(groups.length, line, find, branches);
}

export function groupKey(flow: string): string {
  return `flow:${flow}`;
}

function branchOf(
  store: RunStore,
  ids: readonly string[],
  open: ReadonlySet<string>,
  level: number
): Branch {
  const line = (index: number): TreeLine | undefined => {
    const id = ids[index];
    return id === undefined
      ? undefined
      : {
          kind: 'run',
          key: id,
          executionId: id,
          level,
          place: index + 1,
          siblings: ids.length,
          isOpen: canOpen(store, id, level) ? open.has(id) : null
        };
  };
  const branches = [...open]
    .filter(id => canOpen(store, id, level))
    .map(id => [placeOf(ids, id), id] as const)
    .filter(([index]) => index >= 0)
    .sort(([a], [b]) => a - b)
    .map(
      ([index, id]) =>
        [index, branchOf(store, store.childrenOf(id), open, level + 1)] as const
    );
  return new Branch(ids.length, line, key => placeOf(ids, key), branches);
}

function canOpen(store: RunStore, id: string, level: number): boolean {
  const hasChildren =
    store.hasChildren(id) === true || store.run(id)?.type === 'WRAPPER';
  return level < DEEPEST && hasChildren;
}

/** Its index in a list that is sorted, in whichever direction; -1: it is not there. */
function placeOf(ids: readonly string[], id: string): number {
  const isRising = (ids[0] ?? '') < (ids[ids.length - 1] ?? '');
  const place = placeIn(ids, id, isRising ? oldestFirst : newestFirst);
  return ids[place] === id ? place : -1;
}
