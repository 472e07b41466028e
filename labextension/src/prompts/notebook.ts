/** The output notebook of a run, on the kernel that it keeps: look at variables, change them. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification, ToolbarButton } from '@jupyterlab/apputils';
import type { IDocumentWidget } from '@jupyterlab/docregistry';

import { EngineError, sentenceOf } from '../model/errors';
import { PendingActions } from '../model/pending-actions';
import { hasNotebook } from '../model/run-actions';
import { isEnded } from '../model/store';
import type { IFlowkernel } from '../tokens';
import { CommandIDs } from '../tokens';
import type { IAttachedKernel, IMessageRow } from '../wire';

/** Where our button stands in the toolbar of the notebook: before all others. */
const FIRST = 0;
/** The name of our button in it. */
const DECIDE = 'flowkernel-decide';

export function addNotebookCommand(
  app: JupyterFrontEnd,
  flowkernel: IFlowkernel,
  openMessage: (messageId: string) => void
): void {
  const { trans } = flowkernel;
  const pending = new PendingActions();
  const idOf = (args: { readonly [name: string]: unknown }): string | null => {
    const id = args['executionId'];
    return typeof id === 'string' ? id : hitRun(app);
  };
  const isEnabled = (args: { readonly [name: string]: unknown }): boolean => {
    const id = idOf(args);
    const run = id === null ? undefined : flowkernel.store.run(id);
    return id !== null && (run === undefined || hasNotebook(run));
  };
  app.commands.addCommand(CommandIDs.openInNotebook, {
    label: trans.__('Open in notebook'),
    caption: trans.__(
      'A copy of its output notebook; on its kernel, if it keeps one'
    ),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          executionId: { type: 'string', description: 'The id of the run' }
        }
      }
    },
    isEnabled,
    isVisible: isEnabled,
    execute: async args => {
      const id = idOf(args);
      if (id === null) {
        return;
      }
      try {
        await pending.run(id, () =>
          openNotebook(app, flowkernel, id, openMessage)
        );
      } catch (error) {
        const title = trans.__('It cannot be opened in a notebook');
        Notification.error(`${title}: ${sentenceOf(error)}`, {
          autoClose: false
        });
      }
    }
  });
}

async function openNotebook(
  app: JupyterFrontEnd,
  flowkernel: IFlowkernel,
  id: string,
  openMessage: (messageId: string) => void
): Promise<void> {
  const kernel = await attached(flowkernel, id);
  if (kernel === null) {
    const { path } = await flowkernel.api.copyNotebook(id);
    await app.commands.execute('docmanager:open', { path });
    return;
  }
  const notebook = await openOn(app, kernel);
  if (notebook !== undefined) {
    if (!isOver(flowkernel, id)) {
      addWayBack(notebook, flowkernel, id, openMessage);
    }
    detachAtEnd(notebook, flowkernel, id);
  }
}

/** Null: it keeps no kernel. */
async function attached(
  { api }: IFlowkernel,
  id: string
): Promise<IAttachedKernel | null> {
  try {
    return await api.attach(id);
  } catch (error) {
    if (error instanceof EngineError && error.code === 'NotParked') {
      return null;
    }
    throw error;
  }
}

function hitRun(app: JupyterFrontEnd): string | null {
  const node = app.contextMenuHitTest(
    element => element.dataset['executionId'] !== undefined
  );
  return node?.dataset['executionId'] ?? null;
}

/** Open the copy on the kernel itself: by a name Lab would start another one. */
async function openOn(
  app: JupyterFrontEnd,
  kernel: IAttachedKernel
): Promise<IDocumentWidget | undefined> {
  // So that the toolbar has the name of the run, not that of a kernelspec.
  await app.serviceManager.kernelspecs.refreshSpecs();
  return (await app.commands.execute('docmanager:open', {
    path: kernel.path,
    factory: 'Notebook',
    kernel: { id: kernel.kernel_id }
  })) as IDocumentWidget | undefined;
}

/** Whether its kernel is kept after its end: then there is nothing to decide. */
function isOver({ store }: IFlowkernel, id: string): boolean {
  const run = store.run(id);
  return run !== undefined && isEnded(run.status);
}

/** The notebooks that detach when they are closed. */
const detaching = new WeakSet<IDocumentWidget>();

/** Closing the notebook detaches from the kernel, which stays. */
function detachAtEnd(
  notebook: IDocumentWidget,
  { api }: IFlowkernel,
  executionId: string
): void {
  if (detaching.has(notebook)) {
    return; // It was open already.
  }
  detaching.add(notebook);
  notebook.disposed.connect(() => {
    api.detach(executionId).catch((error: unknown) => {
      console.warn('flowkernel: a kernel could not be released.', error);
    });
  });
}

/** A button that leads back to the question. */
function addWayBack(
  notebook: IDocumentWidget,
  { store, trans }: IFlowkernel,
  executionId: string,
  openMessage: (messageId: string) => void
): void {
  if ([...notebook.toolbar.names()].includes(DECIDE)) {
    return; // It was open already.
  }
  const question = (): IMessageRow | undefined =>
    store.openMessages.find(({ about_id: about }) => about === executionId);
  const button = new ToolbarButton({
    label: trans.__('Decide what to do'),
    tooltip: trans.__('Back to the question about this run'),
    enabled: question() !== undefined,
    onClick: () => {
      const messageId = question()?.message_id;
      if (messageId !== undefined) {
        openMessage(messageId);
      }
    }
  });
  notebook.toolbar.insertItem(FIRST, DECIDE, button);
  const leave = store.subscribe(() => {
    button.enabled = question() !== undefined;
  }, 'messages');
  notebook.disposed.connect(leave);
}
