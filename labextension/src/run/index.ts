/** The page of a run, in the main area. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';

import { CommandIDs, IFlowkernel } from '../tokens';
import { RunPage } from './page';

const NAMESPACE = 'flowkernel-run';

const runPagePlugin: JupyterFrontEndPlugin<void> = {
  id: 'flowkernel:run-page',
  description: 'Shows a run in the main area.',
  autoStart: true,
  requires: [IFlowkernel],
  optional: [ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    flowkernel: IFlowkernel,
    restorer: ILayoutRestorer | null
  ) => {
    const tracker = new WidgetTracker<MainAreaWidget<RunPage>>({
      namespace: NAMESPACE
    });
    const pageOf = (executionId: string): MainAreaWidget<RunPage> => {
      const known = tracker.find(
        widget => widget.content.executionId === executionId
      );
      if (known !== undefined) {
        return known;
      }
      const content = new RunPage(flowkernel, app.commands, executionId);
      const widget = new MainAreaWidget({ content });
      widget.id = `jp-flowkernel-run-${executionId}`;
      widget.title.closable = true;
      return widget;
    };
    app.commands.addCommand(CommandIDs.openRun, {
      label: flowkernel.trans.__('Open the run'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            executionId: { type: 'string', description: 'The id of the run' }
          },
          required: ['executionId']
        }
      },
      isVisible: args => typeof args['executionId'] === 'string',
      execute: async args => {
        const executionId = args['executionId'];
        if (typeof executionId !== 'string') {
          return;
        }
        const widget = pageOf(executionId);
        if (!widget.isAttached) {
          app.shell.add(widget, 'main');
        }
        if (!tracker.has(widget)) {
          await tracker.add(widget);
        }
        app.shell.activateById(widget.id);
      }
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openRun,
      args: widget => ({ executionId: widget.content.executionId }),
      name: widget => widget.content.executionId
    });
  }
};

export const runPlugins: JupyterFrontEndPlugin<void>[] = [runPagePlugin];
