/** The runs that no other one started, live; what is under them opens. */
import {
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useSyncExternalStore
} from 'react';

import { EmptyState, Loading } from '../components/blocks';
import { ReadFailure } from '../components/engine-banner';
import {
  useFlowkernel,
  useNow,
  useStore,
  useTrans
} from '../components/context';
import { VirtualTree } from '../components/tree';
import { isUnfiltered, NO_FILTER } from '../model/filters';
import type { IRunGroup } from '../model/grouping';
import { groupsOf } from '../model/grouping';
import type { RunStore } from '../model/store';
import type { IRows, TreeLine } from '../model/tree';
import { groupLinesOf, linesOf } from '../model/tree';
import type { ISectionProps } from './panel';
import { RunFilterBar } from './run-filter-bar';
import { GroupRow, RunRow } from './run-row';
import type { SidebarModel } from './sidebar-model';

export function RunsSection(props: ISectionProps): JSX.Element {
  const { model } = props;
  const { flowkernel } = model;
  const trans = useTrans();
  useSyncExternalStore(model.runs.subscribe, model.runs.version);
  const { state } = model.runs;
  return (
    <>
      <RunFilterBar model={model} />
      {state.kind === 'failed' && model.runs.ids.length === 0 ? (
        <ReadFailure
          title={trans.__('The runs cannot be read')}
          error={state.error}
          onRetry={model.refresh}
        />
      ) : model.runs.ids.length === 0 ? (
        <NoRuns {...props} />
      ) : (
        <RunTree model={model} onOpenRun={flowkernel.open} />
      )}
    </>
  );
}

function NoRuns(props: ISectionProps): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  if (model.runs.state.kind === 'loading') {
    return <Loading />;
  }
  if (!isUnfiltered(model.runs.filter)) {
    return (
      <EmptyState
        title={trans.__('No run matches the search and the filters.')}
        actions={[
          {
            label: trans.__('Show all runs'),
            onClick: () => model.view.set({ filter: NO_FILTER })
          }
        ]}
      />
    );
  }
  return (
    <EmptyState
      title={trans.__('Nothing has run yet.')}
      actions={[
        {
          label: trans.__('Show the flows'),
          onClick: () => model.view.set({ section: 'flows' })
        }
      ]}
    >
      <p>
        {trans.__(
          'Runs appear here as soon as a flow starts, wherever that is.'
        )}
      </p>
    </EmptyState>
  );
}

function RunTree(props: {
  readonly model: SidebarModel;
  readonly onOpenRun: (executionId: string) => void;
}): JSX.Element {
  const { model, onOpenRun } = props;
  const { store } = useFlowkernel();
  const trans = useTrans();
  const rows = useRows(model);
  const onEnd = useCallback(() => void model.runs.more(), [model]);
  const toggle = (row: TreeLine, isOpen: boolean): void => {
    model.view.toggle(row.key, isOpen);
    if (row.kind === 'run') {
      model.keepOpen(row.executionId, isOpen);
    }
  };
  return (
    <VirtualTree
      label={trans.__('Runs')}
      rows={rows}
      render={row =>
        row.kind === 'run' ? (
          <RunRow executionId={row.executionId} />
        ) : (
          <GroupRow group={row.group} />
        )
      }
      textOf={row => nameOf(row, store)}
      onOpen={row =>
        row.kind === 'run'
          ? onOpenRun(row.executionId)
          : toggle(row, !row.isOpen)
      }
      onToggle={toggle}
      onEnd={onEnd}
      attributesOf={attributesOf}
    />
  );
}

function attributesOf(row: TreeLine): { readonly [name: string]: string } {
  return row.kind === 'run'
    ? { 'data-execution-id': row.executionId }
    : { 'data-flow': row.group.flow };
}

function nameOf(row: TreeLine, store: RunStore): string {
  return row.kind === 'run'
    ? (store.run(row.executionId)?.name ?? '')
    : row.group.flow;
}

/** The lines in sight and out of it, again whenever one is added, moved or opened. */
function useRows(model: SidebarModel): IRows<TreeLine> {
  const { store } = useFlowkernel();
  const view = useSyncExternalStore(model.view.subscribe, model.view.get);
  const ids = model.runs.ids;
  const open = useMemo(() => new Set(view.open), [view.open]);
  const runs = view.open.filter(key => !key.startsWith('flow:'));
  const structure = useStore(
    () => store.structure,
    'roots',
    ...runs.map(id => `under:${id}` as const)
  );
  useEffect(() => {
    for (const id of open) {
      if (store.run(id) !== undefined && !model.isKept(id)) {
        model.keepOpen(id, true); // It was open before a reload.
      }
    }
  }, [open, structure, model, store]);
  const { isGrouped } = view;
  const groups = useGroups(isGrouped, ids, model);
  return useMemo(
    () =>
      structure < 0 || groups === null
        ? linesOf(store, ids, open)
        : groupLinesOf(store, groups, open),
    [store, ids, open, structure, groups]
  );
}

/** Up to so many runs are grouped again with each change; more once a second. */
const QUICKLY_GROUPED = 5_000;

function useGroups(
  isGrouped: boolean,
  ids: readonly string[],
  model: SidebarModel
): readonly IRunGroup[] | null {
  const { store } = useFlowkernel();
  const isMany = ids.length > QUICKLY_GROUPED;
  const second = useNow(isGrouped && isMany);
  const rowVersion = useSyncExternalStore(
    model.runs.subscribe,
    isGrouped && !isMany ? model.runs.rowVersion : () => 0
  );
  const newest = useRef(ids);
  newest.current = ids;
  const quickIds = isMany ? null : ids;
  return useMemo(
    () =>
      isGrouped && second > 0 && rowVersion >= 0
        ? groupsOf(store, quickIds ?? newest.current)
        : null,
    [store, isGrouped, second, rowVersion, quickIds]
  );
}
