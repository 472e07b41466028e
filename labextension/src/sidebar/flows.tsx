/** The registered flows: how their last runs went, and a form to run them. */
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';

import { EmptyState, Loading } from '../components/blocks';
import { ReadFailure } from '../components/engine-banner';
import { IconButton, SearchBox } from '../components/controls';
import { useFlowkernel, useStore, useTrans } from '../components/context';
import { Sparkline } from '../components/sparkline';
import { StatusIcon } from '../components/status';
import { Ago } from '../components/time';
import type { ITreeRow } from '../components/tree';
import { rowsOf, VirtualTree } from '../components/tree';
import { recentRuns } from '../model/recent-runs';
import type { ITranslate } from '../model/words';
import { statusWord } from '../model/words';
import { CommandIDs } from '../tokens';
import type { IFlow, IFlowSummary, IRecentRun } from '../wire';
import type { ISectionProps } from './panel';

interface IFlowRow extends ITreeRow {
  readonly flow: IFlow;
  readonly runs: readonly IRecentRun[];
}

export function FlowsSection(props: ISectionProps): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  const [text, setText] = useState('');
  const state = useSyncExternalStore(model.subscribeFlows, model.flows);
  useEffect(() => void model.readFlows(), [model]);
  return (
    <>
      <div className="jp-flowkernel-bar">
        <div className="jp-flowkernel-bar-line">
          <SearchBox
            label={trans.__('Search the flows')}
            text={text}
            onChange={setText}
          />
          <IconButton
            icon="refresh"
            label={trans.__('Read the flows again')}
            onClick={() => void model.readFlows()}
          />
        </div>
      </div>
      {state.kind === 'loading' && <Loading />}
      {state.kind === 'failed' && (
        <ReadFailure
          title={trans.__('The flows cannot be read')}
          error={state.error}
          onRetry={model.refresh}
        />
      )}
      {state.kind === 'ready' && (
        <FlowList
          {...props}
          flows={state.flows}
          summaries={state.summaries}
          text={text}
        />
      )}
    </>
  );
}

function FlowList(
  props: ISectionProps & {
    readonly flows: readonly IFlow[];
    readonly summaries: readonly IFlowSummary[];
    readonly text: string;
  }
): JSX.Element {
  const { flows, summaries, text, commands } = props;
  const { store } = useFlowkernel();
  const trans = useTrans();
  const version = useStore(() => store.rootVersion, 'root-rows');
  const recent = useMemo(
    () => (version >= 0 ? recentRuns(summaries, store) : null),
    [summaries, store, version]
  );
  const matches = flows.filter(flow => isMatch(flow, text));
  const rows = matches.map((flow, index): IFlowRow => ({
    key: flow.name,
    level: 1,
    place: index + 1,
    siblings: matches.length,
    isOpen: null,
    flow,
    runs: recent?.get(flow.name) ?? []
  }));
  if (flows.length === 0) {
    return (
      <EmptyState title={trans.__('No flow is registered.')}>
        <p>
          {trans.__(
            'A flow is a notebook, a script or a cell with a name. Register one with %%flow in a notebook, or with `flowkernel flow register`.'
          )}
        </p>
      </EmptyState>
    );
  }
  if (rows.length === 0) {
    return <EmptyState title={trans.__('No flow matches the search.')} />;
  }
  const run = (name: string): void =>
    void commands.execute(CommandIDs.runFlow, { name });
  return (
    <VirtualTree
      label={trans.__('Flows')}
      rows={rowsOf(rows)}
      textOf={row => row.flow.name}
      onOpen={row => run(row.flow.name)}
      attributesOf={row => ({ 'data-flow': row.flow.name })}
      render={(row, isActive) => (
        <FlowRow
          flow={row.flow}
          runs={row.runs}
          isActive={isActive}
          onRun={() => run(row.flow.name)}
        />
      )}
    />
  );
}

function isMatch(flow: IFlow, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  return [flow.name, flow.description, flow.path].some(
    value => wanted === '' || value?.toLowerCase().includes(wanted)
  );
}

function FlowRow(props: {
  readonly flow: IFlow;
  readonly runs: readonly IRecentRun[];
  readonly isActive: boolean;
  readonly onRun: () => void;
}): JSX.Element {
  const { flow, runs } = props;
  const trans = useTrans();
  const last = runs[runs.length - 1];
  return (
    <div className="jp-flowkernel-run">
      <StatusIcon status={last?.status ?? 'PENDING'} />
      <div className="jp-flowkernel-run-lines">
        <div className="jp-flowkernel-run-line">
          <span className="jp-flowkernel-run-name" title={flow.name}>
            {flow.name}
          </span>
          <Sparkline runs={runs} />
        </div>
        <div className="jp-flowkernel-run-line jp-flowkernel-secondary">
          {last === undefined ? (
            <span>{trans.__('no run of its own')}</span>
          ) : (
            <>
              <span>{statusWord(last.status, trans)}</span>
              <Ago at={last.created_at} />
            </>
          )}
          <span className="jp-flowkernel-run-detail">
            {whatItIs(flow, trans)}
          </span>
        </div>
      </div>
      <IconButton
        icon="run"
        label={trans.__('Run %1', flow.name)}
        tabIndex={props.isActive ? 0 : -1}
        onClick={props.onRun}
      />
    </div>
  );
}

function whatItIs(flow: IFlow, trans: ITranslate): string {
  const file = flow.path?.split('/').pop();
  const kinds = {
    CELL: trans.__('cell'),
    NOTEBOOK: trans.__('notebook'),
    SCRIPT: trans.__('script')
  };
  return flow.description ?? file ?? kinds[flow.kind];
}
