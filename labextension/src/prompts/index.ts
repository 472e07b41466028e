/** Questions of runs: a page for those about failures, and the kernel that failed in a notebook. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { WidgetTracker } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';

import { mainPage, showPage } from '../components/main-page';
import { showMessageDialog } from '../components/message-dialog';
import { CommandIDs, IFlowkernel } from '../tokens';
import { addNotebookCommand } from './notebook';
import { PromptPage } from './page';

const NAMESPACE = 'flowkernel-prompt';

const promptPlugin: JupyterFrontEndPlugin<void> = {
  id: 'flowkernel:prompts',
  description: 'Shows what a run asks, and takes the answer.',
  autoStart: true,
  requires: [IFlowkernel, IEditorServices],
  optional: [ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    flowkernel: IFlowkernel,
    services: IEditorServices,
    restorer: ILayoutRestorer | null
  ) => {
    const { trans } = flowkernel;
    const tracker = new WidgetTracker<MainAreaWidget<PromptPage>>({
      namespace: NAMESPACE
    });
    const openMessage = (messageId: string): void =>
      void app.commands.execute(CommandIDs.openMessage, { messageId });
    const pageOf = (messageId: string): MainAreaWidget<PromptPage> => {
      const page = tracker.find(
        ({ content }) => content.messageId === messageId
      );
      if (page !== undefined) {
        return page;
      }
      const content = new PromptPage({
        flowkernel,
        commands: app.commands,
        services,
        messageId
      });
      const widget = mainPage(content, `jp-flowkernel-prompt-${messageId}`);
      content.onClose = () => widget.dispose();
      content.onNext = next => {
        openMessage(next);
        widget.dispose();
      };
      return widget;
    };
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
        if (!(await isAboutFailure(flowkernel, messageId))) {
          showMessageDialog(flowkernel, messageId, openMessage);
          return;
        }
        await showPage(app, tracker, pageOf(messageId));
      }
    });
    addNotebookCommand(app, flowkernel, openMessage);
    void restorer?.restore(tracker, {
      command: CommandIDs.openMessage,
      args: widget => ({ messageId: widget.content.messageId }),
      name: widget => widget.content.messageId
    });
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
