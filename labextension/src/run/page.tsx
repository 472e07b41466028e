/** The page of one run: what it is under, how it went, why, with what, and its log. */
import { ReactWidget } from '@jupyterlab/ui-components';
import { useEffect } from 'react';

import { ErrorBlock, Loading } from '../components/blocks';
import {
  FlowkernelProvider,
  useFlowkernel,
  useTrans
} from '../components/context';
import { EngineBanner, ReadFailure } from '../components/engine-banner';
import { useExecution, useReading } from '../components/reading';
import { RunFacts } from '../components/run-dialog';
import { EngineError } from '../model/errors';
import { isEnded } from '../model/store';
import type { IFlowkernel, IRefresh } from '../tokens';
import type { IExecution } from '../wire';
import { ActionBar } from './actions';
import { KernelLine } from './kernel-line';
import type { ILab } from './lab';
import { LabContext } from './lab';
import { Origin } from './origin';
import { Sections } from './sections';
import { SubjectLine, useSubject } from './subject';

export class RunPage extends ReactWidget {
  constructor(
    private readonly _flowkernel: IFlowkernel,
    private readonly _lab: ILab,
    readonly executionId: string
  ) {
    super();
    this.addClass('jp-flowkernel-panel');
    this.addClass('jp-flowkernel-run-page');
    this._setName(_flowkernel.store.run(executionId)?.name ?? executionId);
  }

  protected render(): JSX.Element {
    return (
      <FlowkernelProvider flowkernel={this._flowkernel}>
        <LabContext.Provider value={this._lab}>
          <RunReader
            executionId={this.executionId}
            onName={name => this._setName(name)}
          />
        </LabContext.Provider>
      </FlowkernelProvider>
    );
  }

  private _setName(name: string): void {
    this.title.label = name;
    this.title.caption = name;
  }
}

function RunReader(props: {
  readonly executionId: string;
  readonly onName: (name: string) => void;
}): JSX.Element {
  const { executionId, onName } = props;
  const trans = useTrans();
  const { value: execution, error, again } = useExecution(executionId);
  const name = execution?.name;
  useFamily(executionId, execution?.root_id ?? null);
  useEffect(() => {
    if (name !== undefined) {
      onName(name);
    }
  });
  return (
    <section
      className="jp-flowkernel-run-body"
      aria-label={trans.__('Run %1', name ?? executionId)}
    >
      <EngineBanner />
      {execution === null ? (
        <NoRun error={error} onRetry={again} />
      ) : (
        <>
          {error instanceof EngineError && error.status === 404 && (
            <ErrorBlock
              title={trans.__('The run is no longer there')}
              error={error}
            />
          )}
          <Header execution={execution} />
          <Sections execution={execution} />
        </>
      )}
    </section>
  );
}

function NoRun(props: {
  readonly error: unknown;
  readonly onRetry: () => void;
}): JSX.Element {
  const trans = useTrans();
  return props.error === null ? (
    <Loading />
  ) : (
    <ReadFailure {...props} title={trans.__('The run cannot be read')} />
  );
}

/** What is there whatever section is shown. */
function Header(props: { readonly execution: IExecution }): JSX.Element {
  const { execution } = props;
  const executionId = execution.execution_id;
  const subject = useSubject(execution);
  // That a wrapper waits for what it runs is no news; that it asks is.
  const isBrief =
    subject !== null &&
    subject.execution_id !== executionId &&
    !isEnded(subject.status) &&
    subject.parked_at === null;
  return (
    <header className="jp-flowkernel-run-header">
      <Parents
        executionId={executionId}
        parentId={execution.adopted_by ?? execution.parent_id}
      />
      <div className="jp-flowkernel-run-headline">
        <h1 className="jp-flowkernel-run-title">{execution.name}</h1>
        <ActionBar execution={execution} />
      </div>
      <RunFacts execution={execution} isBrief={isBrief} />
      <SubjectLine execution={execution} />
      <Origin execution={execution} />
      <KernelLine execution={execution} />
    </header>
  );
}

/** Keep what is under this run, and it, current while the page is there. */
function useFamily(executionId: string, rootId: string | null): void {
  const flowkernel = useFlowkernel();
  useEffect(() => {
    if (rootId === null) {
      return;
    }
    const { api, store, refreshed } = flowkernel;
    const release = store.keepFamily(rootId);
    let isShown = true;
    const read = async (): Promise<void> => {
      try {
        const { executions, progress } = await api.tree(executionId);
        if (isShown) {
          store.addRuns(executions, progress);
        }
      } catch (error) {
        console.warn('flowkernel: a family could not be read.', error);
      }
    };
    const readAgain = (_: IFlowkernel, refresh: IRefresh): void =>
      refresh.until(read());
    void read();
    refreshed.connect(readAgain);
    return () => {
      isShown = false;
      refreshed.disconnect(readAgain);
      release();
    };
  }, [flowkernel, executionId, rootId]);
}

/** The runs above it, the root first, each with its page. */
export function Parents(props: {
  readonly executionId: string;
  readonly parentId: string | null;
}): JSX.Element | null {
  const { executionId, parentId } = props;
  const flowkernel = useFlowkernel();
  const trans = useTrans();
  const { value } = useReading(`parents:${executionId}`, parentId, () =>
    readParents(flowkernel, executionId, parentId)
  );
  const parents = value ?? [];
  if (parents.length === 0) {
    return null;
  }
  return (
    <nav aria-label={trans.__('Runs above it')}>
      <ol className="jp-flowkernel-run-parents">
        {parents.map(row => (
          <li key={row.execution_id}>
            <button
              type="button"
              onClick={() => flowkernel.open(row.execution_id)}
            >
              {row.name}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}

async function readParents(
  { api }: IFlowkernel,
  executionId: string,
  parentId: string | null
): Promise<readonly IExecution[]> {
  const rows = parentId === null ? [] : await api.ancestors(executionId);
  return rows
    .filter(row => row.execution_id !== executionId)
    .sort((a, b) => a.depth - b.depth);
}
