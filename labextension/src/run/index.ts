/** The page of a run, in the main area. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { WidgetTracker } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { IStateDB } from '@jupyterlab/statedb';

import { mainPage, showPage } from '../components/main-page';
import { savedState } from '../components/saved-state';
import { KeptOptions } from '../model/kept-options';
import { CommandIDs, IFlowkernel } from '../tokens';
import type { ILab } from './lab';
import { RunPage } from './page';
import { safeRendermime } from './safe-rendermime';

const NAMESPACE = 'flowkernel-run';
/** Where choices are kept. */
const OPTIONS_KEY = 'flowkernel:run-options';

const runPagePlugin: JupyterFrontEndPlugin<void> = {
  id: 'flowkernel:run-page',
  description: 'Shows a run in the main area.',
  autoStart: true,
  requires: [IFlowkernel, IRenderMimeRegistry],
  optional: [IEditorLanguageRegistry, IStateDB, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    flowkernel: IFlowkernel,
    rendermime: IRenderMimeRegistry,
    languages: IEditorLanguageRegistry | null,
    state: IStateDB | null,
    restorer: ILayoutRestorer | null
  ) => {
    const lab: ILab = {
      commands: app.commands,
      rendermime: safeRendermime(rendermime),
      languages,
      options: savedOptions(state)
    };
    const tracker = new WidgetTracker<MainAreaWidget<RunPage>>({
      namespace: NAMESPACE
    });
    const pageOf = (executionId: string): MainAreaWidget<RunPage> => {
      const page = tracker.find(
        widget => widget.content.executionId === executionId
      );
      return (
        page ??
        mainPage(
          new RunPage(flowkernel, lab, executionId),
          `jp-flowkernel-run-${executionId}`
        )
      );
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
        if (typeof executionId === 'string') {
          await showPage(app, tracker, pageOf(executionId));
        }
      }
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openRun,
      args: widget => ({ executionId: widget.content.executionId }),
      name: widget => widget.content.executionId
    });
  }
};

/** Choices that are saved, and read once Lab has them. */
function savedOptions(state: IStateDB | null): KeptOptions {
  const { save, read } = savedState(state, OPTIONS_KEY);
  const options = new KeptOptions(values => save(values));
  void read().then(saved => options.restore(saved));
  return options;
}

export const runPlugins: JupyterFrontEndPlugin<void>[] = [runPagePlugin];
