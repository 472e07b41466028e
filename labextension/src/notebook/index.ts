/** Notebooks and scripts as flows: from a notebook's toolbar, the menu, and the file browser. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { flowkernelIcon } from '../components/icon';
import { isRunnable } from '../model/files';
import { PendingActions } from '../model/pending-actions';
import { CommandIDs, IFlowkernel } from '../tokens';
import { NotebookMarks } from './marks';
import { runAtOnce, runWithForm } from './run-file';

const FILE_ARGUMENTS = {
  args: {
    type: 'object',
    properties: {
      path: { type: 'string', description: 'The path, as Jupyter has it' }
    }
  }
} as const;

const notebookPlugin: JupyterFrontEndPlugin<void> = {
  id: 'flowkernel:notebook',
  description: 'Runs the notebook that is open as a flow.',
  autoStart: true,
  requires: [IFlowkernel, INotebookTracker],
  optional: [ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    flowkernel: IFlowkernel,
    notebooks: INotebookTracker,
    palette: ICommandPalette | null
  ) => {
    const { trans } = flowkernel;
    const command = CommandIDs.runNotebook;
    app.commands.addCommand(command, {
      // In the toolbar the icon says it, with the caption.
      label: args => (args['isToolbar'] ? '' : trans.__('Run as Flow…')),
      caption: trans.__('Run this notebook as a flow, in a kernel of its own'),
      icon: flowkernelIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => notebooks.currentWidget !== null,
      execute: async () => {
        const context = notebooks.currentWidget?.context;
        if (context === undefined) {
          return;
        }
        if (context.model.dirty) {
          await context.save(); // What runs is the file.
        }
        const { contents } = app.serviceManager;
        runWithForm(flowkernel, contents.localPath(context.path));
      }
    });
    palette?.addItem({ command, category: trans.__('flowkernel') });
    notebooks.forEach(panel => new NotebookMarks(panel, flowkernel));
    notebooks.widgetAdded.connect(
      (_, panel) => new NotebookMarks(panel, flowkernel)
    );
    notebooks.currentChanged.connect(() =>
      app.commands.notifyCommandChanged(command)
    );
  }
};

const filePlugin: JupyterFrontEndPlugin<void> = {
  id: 'flowkernel:filebrowser',
  description: 'Runs notebooks and scripts from the file browser.',
  autoStart: true,
  requires: [IFlowkernel],
  optional: [IFileBrowserFactory],
  activate: (
    app: JupyterFrontEnd,
    flowkernel: IFlowkernel,
    browsers: IFileBrowserFactory | null
  ) => {
    const { trans } = flowkernel;
    const pathOf = (args: ReadonlyPartialJSONObject): string | null => {
      const path = args['path'];
      if (typeof path === 'string') {
        return path;
      }
      const browser = browsers?.tracker.currentWidget;
      const items = browser ? [...browser.selectedItems()] : [];
      const [only] = items;
      return only !== undefined && items.length === 1
        ? app.serviceManager.contents.localPath(only.path)
        : null;
    };
    const isVisible = (args: ReadonlyPartialJSONObject): boolean =>
      isRunnable(pathOf(args) ?? '');
    const add = (
      id: string,
      label: string,
      carryOut: (path: string) => void
    ): void => {
      app.commands.addCommand(id, {
        label,
        icon: flowkernelIcon,
        describedBy: FILE_ARGUMENTS,
        isEnabled: isVisible,
        isVisible,
        execute: args => {
          const path = pathOf(args);
          if (path !== null) {
            carryOut(path);
          }
        }
      });
    };
    const pending = new PendingActions();
    add(
      CommandIDs.runFileNow,
      trans.__('Run as Flow'),
      path => void pending.run(path, () => runAtOnce(flowkernel, path))
    );
    add(CommandIDs.runFile, trans.__('Run as Flow with Parameters…'), path =>
      runWithForm(flowkernel, path)
    );
  }
};

export const notebookPlugins: JupyterFrontEndPlugin<void>[] = [
  notebookPlugin,
  filePlugin
];
