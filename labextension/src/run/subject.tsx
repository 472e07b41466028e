/** What is on a page about the flow itself, also if it runs through wrappers. */
import type { ComponentType } from 'react';
import { useId, useMemo, useState } from 'react';

import { Button, EmptyState, ErrorBlock, Loading } from '../components/blocks';
import {
  useFlowkernel,
  useRun,
  useStore,
  useTrans
} from '../components/context';
import { useExecution } from '../components/reading';
import { Status } from '../components/status';
import { questionAbout } from '../model/prompts';
import { ranFlow } from '../model/run-command';
import type { IRun } from '../model/store';
import { isEnded } from '../model/store';
import { chainOf, lastOf } from '../model/subject';
import { progressText } from '../model/words';
import type { IExecution, IExecutionRow, IMessageRow } from '../wire';
import { useFamilyRows } from './family';
import type { ISectionProps } from './sections';

/**
 * The run of the page, the wrappers inside of it, and last what these run, live. Empty: it is
 * not known yet.
 */
export function useChain(executionId: string): readonly IRun[] {
  const rows = useFamilyRows(executionId);
  return useMemo(() => {
    const family = rows.map(row => row.run);
    return family[0] === undefined ? [] : chainOf(family[0], family);
  }, [rows]);
}

/** What the run of the page is about, live; null: it is a wrapper, and that never started. */
export function useSubject(execution: IExecution): IExecutionRow | null {
  const subject = lastOf(useChain(execution.execution_id));
  return subject ?? (execution.type === 'WRAPPER' ? null : execution);
}

/** The oldest message that waits for an answer about a run, or about what is under it. */
export function useQuestion(executionId: string): IMessageRow | undefined {
  const { store } = useFlowkernel();
  const rows = useFamilyRows(executionId);
  const ids = useMemo(
    () => new Set(rows.map(row => row.run.execution_id)),
    [rows]
  );
  return useStore(() => questionAbout(store.openMessages, ids), 'messages');
}

/** How far it is; of a wrapper, the run that it wraps, with its state. */
export function SubjectLine(props: {
  readonly execution: IExecution;
}): JSX.Element | null {
  const { execution } = props;
  const { open } = useFlowkernel();
  const trans = useTrans();
  const id = useSubject(execution)?.execution_id ?? '';
  const run = useRun(id);
  if (run === undefined) {
    return null;
  }
  const progress = progressText(run, trans);
  if (id === execution.execution_id) {
    return progress === '' ? null : <p>{progress}</p>;
  }
  const message = isEnded(run.status) ? null : run.status_message;
  return (
    <p className="jp-flowkernel-facts">
      <button
        type="button"
        className="jp-flowkernel-link"
        onClick={() => open(id)}
      >
        {run.name}
      </button>
      <Status status={run.status} />
      {message && <span>{message}</span>}
      {progress !== '' && <span>{progress}</span>}
    </p>
  );
}

/**
 * A section about what the run of the page is about.
 *
 * @param props.canChoose Whether a person can look at the wrappers instead.
 */
export function OfSubject(
  props: ISectionProps & {
    readonly component: ComponentType<ISectionProps>;
    readonly canChoose: boolean;
  }
): JSX.Element {
  const { execution, component: Component, canChoose } = props;
  const chain = useChain(execution.execution_id);
  const [chosen, choose] = useState<string | null>(null);
  if (execution.type !== 'WRAPPER') {
    return <Component execution={execution} />;
  }
  const run = chain.find(row => row.execution_id === chosen) ?? lastOf(chain);
  return (
    <>
      {canChoose && run !== null && (
        <Choice chain={chain} chosen={run} onChoose={choose} />
      )}
      {run === null ? (
        <NotBegun execution={execution} onShow={canChoose ? choose : null} />
      ) : (
        <OfRun
          key={run.execution_id}
          executionId={run.execution_id}
          component={Component}
        />
      )}
    </>
  );
}

function OfRun(props: {
  readonly executionId: string;
  readonly component: ComponentType<ISectionProps>;
}): JSX.Element {
  const { executionId, component: Component } = props;
  const trans = useTrans();
  const { value: execution, error } = useExecution(executionId);
  if (execution !== null) {
    return <Component execution={execution} />;
  }
  return error === null ? (
    <Loading />
  ) : (
    <ErrorBlock title={trans.__('The run cannot be read')} error={error} />
  );
}

/** The flow, or one of the wrappers that it runs through. */
function Choice(props: {
  readonly chain: readonly IRun[];
  readonly chosen: IRun;
  readonly onChoose: (id: string) => void;
}): JSX.Element {
  const { chain, chosen, onChoose } = props;
  const trans = useTrans();
  const id = useId();
  return (
    <div className="jp-flowkernel-section-bar">
      <label htmlFor={id}>{trans.__('Of the run')}</label>
      <select
        id={id}
        className="jp-flowkernel-input jp-mod-styled"
        value={chosen.execution_id}
        onChange={event => onChoose(event.target.value)}
      >
        {[...chain].reverse().map(run => (
          <option key={run.execution_id} value={run.execution_id}>
            {run.name}
          </option>
        ))}
      </select>
    </div>
  );
}

function NotBegun(props: {
  readonly execution: IExecution;
  readonly onShow: ((id: string) => void) | null;
}): JSX.Element {
  const { execution, onShow } = props;
  const trans = useTrans();
  const flow = ranFlow(execution) ?? execution.name;
  return (
    <EmptyState
      title={
        isEnded(execution.status)
          ? trans.__('%1 did not run.', flow)
          : trans.__('%1 has not begun.', flow)
      }
    >
      {onShow !== null && (
        <Button
          label={trans.__('Show that of %1', execution.name)}
          onClick={() => onShow(execution.execution_id)}
        />
      )}
    </EmptyState>
  );
}
