/** What a run started, and what it has taken over, as a tree. */
import { useMemo, useState } from 'react';

import { EmptyState } from '../components/blocks';
import { useFlowkernel, useTrans } from '../components/context';
import { rowsOf, VirtualTree } from '../components/tree';
import type { IFamilyLine, IFamilyRow } from '../model/family';
import { familyLines } from '../model/family';
import { tieText } from '../model/timeline-words';
import { RunRow } from '../sidebar/run-row';
import { useFamilyRows } from './family';
import type { ISectionProps } from './sections';

/** A family of so many runs, inclusive, is open from the start. */
const FEW = 60;

export function RunsUnder(props: ISectionProps): JSX.Element {
  const executionId = props.execution.execution_id;
  const { open } = useFlowkernel();
  const trans = useTrans();
  const rows = useFamilyRows(executionId);
  const [isOpen, toggle] = useOpen(rows);
  const lines = useMemo(() => familyLines(rows, isOpen), [rows, isOpen]);
  if (lines.length === 0) {
    return <EmptyState title={trans.__('It has started no other run.')} />;
  }
  return (
    <VirtualTree<IFamilyLine>
      className="jp-flowkernel-run-under"
      label={trans.__('Runs under it')}
      rows={rowsOf(lines)}
      render={line => (
        <>
          <RunRow executionId={line.key} />
          {line.tie !== 'started' && (
            <span className="jp-flowkernel-secondary">
              {tieText(line, trans)}
            </span>
          )}
        </>
      )}
      textOf={line => line.name}
      onOpen={line => open(line.key)}
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
