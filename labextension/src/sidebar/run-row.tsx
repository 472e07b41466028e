/** One line of the tree of runs: a run, or a group of those of one flow. */
import { memo } from 'react';

import {
  useFlowkernel,
  useRun,
  useStore,
  useTrans
} from '../components/context';
import { StatusIcon } from '../components/status';
import { Ago, Took } from '../components/time';
import type { IRunGroup } from '../model/grouping';
import { groupKey } from '../model/tree';
import {
  detailText,
  doneShare,
  firstLine,
  interventionText,
  statusWord
} from '../model/words';

export const RunRow = memo(function RunRow(props: {
  readonly executionId: string;
}): JSX.Element | null {
  const trans = useTrans();
  const run = useRun(props.executionId);
  const waiting = useWaiting(props.executionId);
  if (run === undefined) {
    return null;
  }
  const people = interventionText(run, trans);
  const detail = firstLine(detailText(run, trans));
  const share = doneShare(run);
  return (
    <div className="jp-flowkernel-run">
      <StatusIcon status={run.status} />
      <div className="jp-flowkernel-run-lines">
        <div className="jp-flowkernel-run-line">
          <span className="jp-flowkernel-run-name" title={run.name}>
            {run.name}
          </span>
          <Ago at={run.created_at} />
        </div>
        <div className="jp-flowkernel-run-line jp-flowkernel-secondary">
          {waiting > 0 ? (
            <span className="jp-flowkernel-badge">
              {trans.__('waits for you')}
            </span>
          ) : (
            <span>{statusWord(run.status, trans)}</span>
          )}
          <Took run={run} isShort />
          {people !== '' && (
            <span className="jp-flowkernel-run-people" title={people}>
              {people}
            </span>
          )}
          <span className="jp-flowkernel-run-detail" title={detail}>
            {detail}
          </span>
        </div>
      </div>
      {share !== null && (
        <div
          className="jp-flowkernel-progress"
          style={{ width: `${share * 100}%` }}
        />
      )}
    </div>
  );
});

/** How many messages wait about a run, or about what is under it. */
function useWaiting(executionId: string): number {
  const { store } = useFlowkernel();
  return useStore(() => {
    const run = store.run(executionId);
    return run?.parent_id === null
      ? store.openMessagesOf(executionId)
      : store.openMessages.filter(
          message =>
            message.about_id === executionId ||
            message.execution_id === executionId
        ).length;
  }, 'messages');
}

export function GroupRow(props: { readonly group: IRunGroup }): JSX.Element {
  const { group } = props;
  const trans = useTrans();
  const runs = trans._n('%1 run', '%1 runs', group.ids.length);
  return (
    <div className="jp-flowkernel-run" data-group={groupKey(group.flow)}>
      <StatusIcon status={group.lastStatus} />
      <div className="jp-flowkernel-run-lines">
        <div className="jp-flowkernel-run-line">
          <span className="jp-flowkernel-run-name" title={group.flow}>
            {group.flow}
          </span>
        </div>
        <div className="jp-flowkernel-run-line jp-flowkernel-secondary">
          <span>{runs}</span>
          {group.active > 0 && (
            <span>{trans.__('%1 active', group.active)}</span>
          )}
          {group.failed > 0 && (
            <span className="jp-flowkernel-failed">
              {trans.__('%1 failed', group.failed)}
            </span>
          )}
          <span className="jp-flowkernel-unseen">
            {trans.__('last one %1', statusWord(group.lastStatus, trans))}
          </span>
        </div>
      </div>
    </div>
  );
}
