/** What a run started, and what it has taken over, as a tree. */
import { useMemo, useState } from 'react';

import { EmptyState } from '../components/blocks';
import { useFlowkernel, useTrans } from '../components/context';
import { VirtualTree } from '../components/tree';
import type { IFamilyRow } from '../model/family';
import type { TreeLine } from '../model/tree';
import { linesOf } from '../model/tree';
import { RunRow } from '../sidebar/run-row';
import { useFamilyRows } from './family';
import type { ISectionProps } from './sections';

/** A family of so many runs, inclusive, is open from the start. */
const FEW = 60;

export function RunsUnder(props: ISectionProps): JSX.Element {
  const executionId = props.execution.execution_id;
  const { store, open: openRun } = useFlowkernel();
  const trans = useTrans();
  const rows = useFamilyRows(executionId);
  const [isOpen, toggle] = useOpen(rows);
  const lines = useMemo(() => {
    const ids = rows.map(({ run }) => run.execution_id);
    const open = new Set(ids.filter(isOpen));
    return linesOf(store, store.childrenOf(executionId), open);
  }, [store, executionId, rows, isOpen]);
  if (lines.length === 0) {
    return <EmptyState title={trans.__('It has started no other run.')} />;
  }
  return (
    <VirtualTree<TreeLine>
      className="jp-flowkernel-run-under"
      label={trans.__('Runs under it')}
      rows={lines}
      render={line =>
        line.kind === 'run' && <RunRow executionId={line.executionId} />
      }
      textOf={line =>
        line.kind === 'run' ? (store.run(line.executionId)?.name ?? '') : ''
      }
      onOpen={line => line.kind === 'run' && openRun(line.executionId)}
      onToggle={(line, isOpen) => toggle(line.key, isOpen)}
      attributesOf={line => ({ 'data-execution-id': line.key })}
    />
  );
}

/** Which lines are open: at first those of a small family, then as people choose. */
function useOpen(
  rows: readonly IFamilyRow[]
): readonly [(id: string) => boolean, (id: string, isOpen: boolean) => void] {
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const isFew = rows.length <= FEW;
  const isOpen = useMemo(
    () => (id: string) => chosen.get(id) ?? isFew,
    [chosen, isFew]
  );
  const toggle = (id: string, isOpen: boolean): void =>
    setChosen(before => new Map(before).set(id, isOpen));
  return [isOpen, toggle];
}
