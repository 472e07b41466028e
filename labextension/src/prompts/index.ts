/** Questions of runs: a page for those about failures, and the kernel that failed in a notebook. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { INotebookTracker } from '@jupyterlab/notebook';

import { showMessageDialog } from '../components/message-dialog';
import { Pages } from '../components/pages';
import { CommandIDs, IFlowkernel } from '../tokens';
import { addNotebookCommand, followKernel } from './notebook';
import { PromptPage } from './page';

const promptPlugin: JupyterFrontEndPlugin<void> = {
  id: 'flowkernel:prompts',
  description: 'Shows what a run asks, and takes the answer.',
  autoStart: true,
  requires: [IFlowkernel, IEditorServices],
  optional: [INotebookTracker, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    flowkernel: IFlowkernel,
    services: IEditorServices,
    notebooks: INotebookTracker | null,
    restorer: ILayoutRestorer | null
  ) => {
    const { trans } = flowkernel;
    const openMessage = (messageId: string): void =>
      void app.commands.execute(CommandIDs.openMessage, { messageId });
    const goOn = async (page: PromptPage, messageId: string): Promise<void> => {
      if (await isAboutFailure(flowkernel, messageId)) {
        await pages.replace(page, messageId);
      } else {
        showMessageDialog(flowkernel, messageId, openMessage);
        pages.leave(page);
      }
    };
    const make = (messageId: string): PromptPage => {
      const { commands } = app;
      const page = new PromptPage({
        flowkernel,
        commands,
        services,
        messageId
      });
      page.onClose = () => pages.close(page);
      page.onNext = next => void goOn(page, next);
      return page;
    };
    const kind = {
      name: 'message',
      namespace: 'flowkernel-prompt',
      command: CommandIDs.openMessage,
      argumentsOf: (messageId: string) => ({ messageId }),
      make
    };
    const pages = new Pages<PromptPage>(app, trans, kind, restorer);
    app.commands.addCommand(CommandIDs.openMessage, {
      label: trans.__('Answer'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            messageId: { type: 'string', description: 'The id of the message' }
          },
          required: ['messageId']
        }
      },
      isVisible: args => typeof args['messageId'] === 'string',
      execute: async args => {
        const messageId = args['messageId'];
        if (typeof messageId !== 'string') {
          return;
        }
        if (await isAboutFailure(flowkernel, messageId)) {
          await pages.open(messageId);
        } else {
          showMessageDialog(flowkernel, messageId, openMessage);
        }
      }
    });
    addNotebookCommand(app, flowkernel);
    notebooks?.widgetAdded.connect((_, notebook) =>
      followKernel(notebook, flowkernel, openMessage)
    );
  }
};

/** A failure needs a page: a cell is edited there. Anything else is asked over any page. */
async function isAboutFailure(
  { api, store }: IFlowkernel,
  messageId: string
): Promise<boolean> {
  const row = store.message(messageId);
  if (row !== undefined) {
    return row.about_id !== null;
  }
  try {
    return (await api.message(messageId)).about_id !== null;
  } catch {
    return true; // The page says why it cannot be read.
  }
}

export const promptPlugins: JupyterFrontEndPlugin<void>[] = [promptPlugin];
