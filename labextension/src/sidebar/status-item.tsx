/** The item on the status bar: what runs, and what waits for people. */
import { ReactWidget } from '@jupyterlab/ui-components';

import {
  FlowkernelProvider,
  useEngine,
  useFlowkernel,
  useOpenMessages,
  useStore,
  useTrans
} from '../components/context';
import type { IFlowkernel } from '../tokens';

export class StatusItem extends ReactWidget {
  constructor(
    private readonly _flowkernel: IFlowkernel,
    private readonly _onClick: (hasMessages: boolean) => void
  ) {
    super();
    this.addClass('jp-flowkernel-status-item');
  }

  protected render(): JSX.Element {
    return (
      <FlowkernelProvider flowkernel={this._flowkernel}>
        <Counts onClick={this._onClick} />
      </FlowkernelProvider>
    );
  }
}

function Counts(props: {
  readonly onClick: (hasMessages: boolean) => void;
}): JSX.Element {
  const { store, engine } = useFlowkernel();
  const trans = useTrans();
  const view = useEngine();
  const active = useStore(() => store.activeRoots, 'root-rows', 'roots');
  const waiting = useOpenMessages().length;
  const words: string[] = [];
  if (view.kind === 'offline') {
    words.push(trans.__('no connection'));
  } else if (view.kind === 'known' && view.state === 'away') {
    words.push(trans.__('engine away'));
  } else if (engine.isCounted) {
    words.push(trans._n('%1 active', '%1 active', active));
  }
  if (waiting > 0) {
    words.push(trans._n('%1 waits for you', '%1 wait for you', waiting));
  }
  const text = ['flowkernel', words.join(', ')].filter(word => word !== '');
  return (
    <button
      type="button"
      className="jp-flowkernel-status-button"
      title={trans.__('Show the runs of flowkernel')}
      data-is-waiting={waiting > 0}
      onClick={() => props.onClick(waiting > 0)}
    >
      {text.join(': ')}
    </button>
  );
}
