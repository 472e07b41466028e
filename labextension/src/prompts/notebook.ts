/** The output notebook of a run, on the kernel that it keeps: look at variables, change them. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification, ToolbarButton } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';

import { readTarget } from '../components/subject';
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
/** Begins the name of a kernel that is attached to that of a run; the id of the run follows. */
const ATTACHED = 'flowkernel-attach-';

export function addNotebookCommand(
  app: JupyterFrontEnd,
  flowkernel: IFlowkernel
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
        await pending.run(id, async () =>
          openNotebook(
            app,
            flowkernel,
            await readTarget(flowkernel, 'openNotebook', id)
          )
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
  id: string
): Promise<void> {
  const kernel = await attached(flowkernel, id);
  if (kernel !== null) {
    await startSession(app, kernel, id);
  }
  const { path } = kernel ?? (await flowkernel.api.copyNotebook(id));
  await app.commands.execute('docmanager:open', { path, factory: 'Notebook' });
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

/**
 * Put the copy on the kernel itself: by a name Lab would start another one.
 *
 * A notebook that is opened takes the session that its path has, also in another tab of the
 * browser, as in Notebook 7.
 */
async function startSession(
  { serviceManager }: JupyterFrontEnd,
  { path, kernel_id: id }: IAttachedKernel,
  executionId: string
): Promise<void> {
  // So that the toolbar has the name of the run, not that of a kernelspec.
  await serviceManager.kernelspecs.refreshSpecs();
  const kernel: Partial<Kernel.IModel> = { id, name: ATTACHED + executionId };
  const session = await serviceManager.sessions.startNew({
    path,
    name: path.split('/').pop() ?? path,
    type: 'notebook',
    kernel
  });
  session.dispose(); // The notebook connects by itself.
}

/** Whether its kernel is kept after its end: then there is nothing to decide. */
async function isOver(
  { api, store }: IFlowkernel,
  id: string
): Promise<boolean> {
  try {
    return isEnded((store.run(id) ?? (await api.execution(id))).status);
  } catch {
    return false; // The button is there, and says by its state whether it can be used.
  }
}

/** The notebooks that are on the kernel of a run. */
const followed = new WeakSet<NotebookPanel>();

/** A notebook that is on the kernel of a run leads back to its question, and detaches at its end. */
export function followKernel(
  notebook: NotebookPanel,
  flowkernel: IFlowkernel,
  openMessage: (messageId: string) => void
): void {
  const { sessionContext } = notebook;
  sessionContext.kernelChanged.connect(() => {
    const name = sessionContext.session?.kernel?.name ?? '';
    if (name.startsWith(ATTACHED) && !followed.has(notebook)) {
      followed.add(notebook);
      const executionId = name.slice(ATTACHED.length);
      detachAtEnd(notebook, flowkernel, executionId);
      void addWayBack(notebook, flowkernel, executionId, openMessage);
    }
  });
}

/** Closing the notebook detaches from the kernel, which stays. */
function detachAtEnd(
  notebook: NotebookPanel,
  { api }: IFlowkernel,
  executionId: string
): void {
  notebook.disposed.connect(() => {
    api.detach(executionId).catch((error: unknown) => {
      console.warn('flowkernel: a kernel could not be released.', error);
    });
  });
}

/** A button that leads back to the question. */
async function addWayBack(
  notebook: NotebookPanel,
  flowkernel: IFlowkernel,
  executionId: string,
  openMessage: (messageId: string) => void
): Promise<void> {
  if ((await isOver(flowkernel, executionId)) || notebook.isDisposed) {
    return;
  }
  const { store, trans } = flowkernel;
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
