/** The lines of a tree of runs, as far as it is open. */
import type { IRunGroup } from './grouping';
import type { RunStore } from './store';

export type TreeLine =
  | {
      readonly kind: 'run';
      /** Stands for this line, and for no other: a run may be in two groups. */
      readonly key: string;
      readonly executionId: string;
      readonly level: number;
      readonly place: number;
      readonly siblings: number;
    }
  | {
      readonly kind: 'group';
      readonly key: string;
      readonly group: IRunGroup;
      readonly level: number;
      readonly place: number;
      readonly siblings: number;
    };

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
    const siblings = groups.length;
    lines.push({
      kind: 'group',
      key,
      group,
      level: 1,
      place: index + 1,
      siblings
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
    const [place, siblings] = [index + 1, ids.length];
    lines.push({
      kind: 'run',
      key: id,
      executionId: id,
      level,
      place,
      siblings
    });
    if (isOpen(id) && level < DEEPEST) {
      addLines(lines, store, store.childrenOf(id), isOpen, level + 1);
    }
  });
}
