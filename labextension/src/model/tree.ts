/** The lines of a tree of runs, as far as it is open. */
import type { IRunGroup } from './grouping';
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

/** Lines of runs that are under each other, deeper than which a tree does not go. */
const DEEPEST = 50;

/** The lines of these runs and of what is under those that are open. */
export function linesOf(
  store: RunStore,
  ids: readonly string[],
  isOpen: (key: string) => boolean
): readonly TreeLine[] {
  const lines: TreeLine[] = [];
  addLines(lines, store, ids, isOpen, 1);
  return lines;
}

/** The lines of groups, and of the runs in those that are open. */
export function groupLinesOf(
  store: RunStore,
  groups: readonly IRunGroup[],
  isOpen: (key: string) => boolean
): readonly TreeLine[] {
  const lines: TreeLine[] = [];
  groups.forEach((group, index) => {
    const key = groupKey(group.flow);
    lines.push({
      kind: 'group',
      key,
      group,
      level: 1,
      place: index + 1,
      siblings: groups.length,
      isOpen: isOpen(key)
    });
    if (isOpen(key)) {
      addLines(lines, store, group.ids, isOpen, 2);
    }
  });
  return lines;
}

export function groupKey(flow: string): string {
  return `flow:${flow}`;
}

function addLines(
  lines: TreeLine[],
  store: RunStore,
  ids: readonly string[],
  isOpen: (key: string) => boolean,
  level: number
): void {
  ids.forEach((id, index) => {
    const isLeaf =
      level >= DEEPEST ||
      (store.run(id)?.type !== 'WRAPPER' && store.hasChildren(id) !== true);
    lines.push({
      kind: 'run',
      key: id,
      executionId: id,
      level,
      place: index + 1,
      siblings: ids.length,
      isOpen: isLeaf ? null : isOpen(id)
    });
    if (!isLeaf && isOpen(id)) {
      addLines(lines, store, store.childrenOf(id), isOpen, level + 1);
    }
  });
}
