/** Marks on cells that register flows: registered, changed since, and how the last run went. */
import type { Cell, ICellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { NotebookActions } from '@jupyterlab/notebook';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { PanelLayout } from '@lumino/widgets';

import {
  FlowkernelProvider,
  useFlowkernel,
  useStore,
  useTrans
} from '../components/context';
import { StatusIcon } from '../components/status';
import { Ago } from '../components/time';
import { EngineError } from '../model/errors';
import type { IFlowCell, IMark, Registration } from '../model/flow-cells';
import { flowCell, lastRun, markOf } from '../model/flow-cells';
import type { ITranslate } from '../model/words';
import { statusWord } from '../model/words';
import type { IFlowkernel } from '../tokens';

/** Where a mark stands in its cell: below its header. */
const PLACE = 1;
/** What is typed within this time is looked at once. Milliseconds. */
const PAUSE = 300;

/** The marks of one notebook. */
export class NotebookMarks implements IDisposable {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _flowkernel: IFlowkernel
  ) {
    _panel.content.modelContentChanged.connect(this._look);
    NotebookActions.executed.connect(this._readAfterRun);
    _flowkernel.refreshed.connect(this._readAll);
    _panel.disposed.connect(() => this.dispose());
    void _panel.context.ready.then(this._look);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    clearTimeout(this._timer);
    this._panel.content.modelContentChanged.disconnect(this._look);
    NotebookActions.executed.disconnect(this._readAfterRun);
    this._flowkernel.refreshed.disconnect(this._readAll);
  }

  private readonly _look = (): void => {
    clearTimeout(this._timer);
    if (!this._isDisposed) {
      this._timer = setTimeout(() => this._markAll(), PAUSE);
    }
  };

  private readonly _readAll = (): void => {
    this._registrations.clear();
    this._look();
  };

  private readonly _readAfterRun = (
    _: unknown,
    { cell }: { readonly cell: Cell<ICellModel> }
  ): void => {
    const flow = flowCell(cell.model.sharedModel.getSource());
    if (flow !== null && this._panel.content.widgets.includes(cell)) {
      this._registrations.delete(flow.name);
      this._look();
    }
  };

  private _markAll(): void {
    for (const cell of this._panel.content.widgets) {
      const isCode = cell.model.type === 'code';
      const text = isCode ? cell.model.sharedModel.getSource() : '';
      this._mark(cell, flowCell(text));
    }
  }

  private _mark(cell: Cell<ICellModel>, flow: IFlowCell | null): void {
    const earlier = this._marks.get(cell);
    if (flow === null) {
      earlier?.dispose();
      this._marks.delete(cell);
      return;
    }
    const mark = earlier ?? this._addMark(cell);
    mark.say(flow, this._registrationOf(flow.name));
  }

  private _addMark(cell: Cell<ICellModel>): MarkWidget {
    const mark = new MarkWidget(this._flowkernel);
    this._marks.set(cell, mark);
    (cell.layout as PanelLayout).insertWidget(PLACE, mark);
    return mark;
  }

  private _registrationOf(name: string): Registration {
    const registration = this._registrations.get(name);
    if (registration !== undefined) {
      return registration;
    }
    const pending: Registration = { kind: 'unknown' };
    this._registrations.set(name, pending);
    void this._read(name, pending);
    return pending;
  }

  /** @param pending What stands for the answer: without it, a later reading has begun. */
  private async _read(name: string, pending: Registration): Promise<void> {
    const registration = await readFlow(this._flowkernel, name);
    const isNewest = this._registrations.get(name) === pending;
    if (isNewest && !this._isDisposed) {
      this._registrations.set(name, registration);
      this._markAll();
    }
  }

  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _isDisposed = false;
  private readonly _marks = new WeakMap<Cell<ICellModel>, MarkWidget>();
  private readonly _registrations = new Map<string, Registration>();
}

async function readFlow(
  { api }: IFlowkernel,
  name: string
): Promise<Registration> {
  try {
    return { kind: 'registered', flow: await api.flow(name) };
  } catch (error) {
    const isMissing = error instanceof EngineError && error.status === 404;
    return { kind: isMissing ? 'none' : 'unknown' };
  }
}

class MarkWidget extends ReactWidget {
  constructor(private readonly _flowkernel: IFlowkernel) {
    super();
    this.addClass('jp-flowkernel-cell-mark');
  }

  /** Say this of the cell from now on. */
  say(cell: IFlowCell, registration: Registration): void {
    this._said = { cell, registration };
    this.update();
  }

  protected render(): JSX.Element | null {
    return this._said === null ? null : (
      <FlowkernelProvider flowkernel={this._flowkernel}>
        <MarkView {...this._said} />
      </FlowkernelProvider>
    );
  }

  private _said: {
    readonly cell: IFlowCell;
    readonly registration: Registration;
  } | null = null;
}

function MarkView(props: {
  readonly cell: IFlowCell;
  readonly registration: Registration;
}): JSX.Element | null {
  const { cell, registration } = props;
  const { store, open } = useFlowkernel();
  const trans = useTrans();
  const last = useStore(() => lastRun(store, cell.name), 'root-rows', 'roots');
  const mark = markOf(cell, registration, last);
  if (mark === null) {
    return null;
  }
  return (
    <span className="jp-flowkernel-mark-line" data-state={mark.state}>
      {stateText(mark, trans)}
      {last !== null && (
        <button
          type="button"
          className="jp-flowkernel-link"
          title={trans.__('Look at the last run')}
          onClick={() => open(last.execution_id)}
        >
          <StatusIcon status={last.status} />
          {statusWord(last.status, trans)} <Ago at={last.created_at} />
        </button>
      )}
    </span>
  );
}

function stateText(mark: IMark, trans: ITranslate): string {
  switch (mark.state) {
    case 'unregistered':
      return trans.__('not registered: run this cell');
    case 'registered':
      return trans.__('registered');
    case 'changed':
      return trans.__('changed since it was registered: run this cell');
  }
}
