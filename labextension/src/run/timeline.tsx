/** When a run and all under it worked and waited, as bars along the time. */
import { useMemo, useState } from 'react';

import { Button, EmptyState, Loading } from '../components/blocks';
import { useFlowkernel, useNow, useTrans } from '../components/context';
import { sentenceOf } from '../model/errors';
import type { IHistory, ILane } from '../model/timeline';
import { cellLanesOf, Lanes, MOST_LANES } from '../model/timeline';
import { Check } from './check';
import { useFamilyRows, useHistories } from './family';
import { useOption } from './lab';
import type { ISectionProps } from './sections';
import { TimelineChart } from './timeline-chart';
import { TimelineTable } from './timeline-table';

const NO_HISTORIES: ReadonlyMap<string, IHistory> = new Map();

export function Timeline(props: ISectionProps): JSX.Element {
  const executionId = props.execution.execution_id;
  const { open } = useFlowkernel();
  const trans = useTrans();
  const [showsAll, setShowsAll] = useState(false);
  const [isTable, setIsTable] = useOption<boolean>('timelineTable', false);
  const [showsCells, setShowsCells] = useOption<boolean>('timelineCells', true);
  const isWrapper = props.execution.type === 'WRAPPER';
  const view = useLanes(executionId, showsAll, showsCells && !isWrapper);
  const { lanes, total } = view;
  if (total === 0) {
    return <Loading />;
  }
  const Drawing = isTable ? TimelineTable : TimelineChart;
  return (
    <div className="jp-flowkernel-timeline">
      <div className="jp-flowkernel-timeline-options">
        {!isWrapper && (
          <Check
            label={trans.__('Cells')}
            isOn={showsCells}
            onChange={setShowsCells}
          />
        )}
        <Check
          label={trans.__('As a table')}
          isOn={isTable}
          onChange={setIsTable}
        />
        {!view.isWhole && (
          <p role="status">
            {view.error === null
              ? trans.__('Reading when it waited…')
              : trans.__('Not complete yet: %1', sentenceOf(view.error))}
          </p>
        )}
        {total > MOST_LANES && !showsAll && (
          <p role="status">
            {trans.__('The first %1 of %2 runs.', MOST_LANES, total)}{' '}
            <Button
              label={trans.__('Show all')}
              onClick={() => setShowsAll(true)}
            />
          </p>
        )}
      </div>
      {lanes.every(lane => lane.segments.length === 0) ? (
        <EmptyState title={trans.__('Nothing has started yet.')} />
      ) : (
        <Drawing lanes={lanes} onOpen={open} />
      )}
    </div>
  );
}

interface ILanes {
  readonly lanes: readonly ILane[];
  /** How many runs there are, also those that are not drawn. */
  readonly total: number;
  /** Whether also its events were read, and not only its rows. */
  readonly isWhole: boolean;
  readonly error: unknown;
}

/** The rows draw at once; what their events say follows. */
function useLanes(
  executionId: string,
  showsAll: boolean,
  showsCells: boolean
): ILanes {
  const rows = useFamilyRows(executionId);
  const visible = useMemo(
    () => (showsAll ? rows : rows.slice(0, MOST_LANES)),
    [rows, showsAll]
  );
  const { value, error } = useHistories(executionId, visible);
  const histories = value ?? NO_HISTORIES;
  const isLive = visible.some(
    ({ run }) => run.ended_at === null && run.status !== 'PENDING'
  );
  const now = useNow(isLive);
  const maker = useMemo(() => new Lanes(), []);
  const lanes = useMemo(() => {
    const [first, ...others] = maker.of(visible, histories, now);
    if (first === undefined || !showsCells) {
      return first === undefined ? [] : [first, ...others];
    }
    const cells = histories.get(first.executionId)?.cells ?? [];
    return [first, ...cellLanesOf(first, cells, now), ...others];
  }, [maker, visible, histories, now, showsCells]);
  const isWhole = value !== null && error === null;
  return { lanes, total: rows.length, isWhole, error };
}
