/** The page of a run, in the main area. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';

import { KeptOptions } from '../model/kept-options';
import { CommandIDs, IFlowkernel } from '../tokens';
import type { ILab } from './lab';
import { RunPage } from './page';
import { safeRendermime } from './safe-rendermime';

const NAMESPACE = 'flowkernel-run';
/** Where choices are kept. */
const OPTIONS_KEY = 'flowkernel:run-options';
/** Choices within this time are saved once. Milliseconds. */
const SAVE_PAUSE = 300;

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
      const known = tracker.find(
        widget => widget.content.executionId === executionId
      );
      if (known !== undefined) {
        return known;
      }
      const content = new RunPage(flowkernel, lab, executionId);
      const widget = new MainAreaWidget({ content });
      widget.id = `jp-flowkernel-run-${executionId}`;
      widget.title.closable = true;
      widget.toolbar.hide();
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

/** Choices that are saved, and read once Lab has them. */
function savedOptions(state: IStateDB | null): KeptOptions {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const options = new KeptOptions(values => {
    clearTimeout(timer);
    timer = setTimeout(
      () => void state?.save(OPTIONS_KEY, values as ReadonlyPartialJSONValue),
      SAVE_PAUSE
    );
  });
  void (state?.fetch(OPTIONS_KEY) ?? Promise.resolve()).then(saved =>
    options.restore(saved)
  );
  return options;
}

export const runPlugins: JupyterFrontEndPlugin<void>[] = [runPagePlugin];
