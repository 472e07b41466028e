/** The page of a run, in the main area. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { IStateDB } from '@jupyterlab/statedb';

import { Pages } from '../components/pages';
import { savedState } from '../components/saved-state';
import { KeptOptions } from '../model/kept-options';
import { CommandIDs, IFlowkernel } from '../tokens';
import type { ILab } from './lab';
import { RunPage } from './page';
import { safeRendermime } from './safe-rendermime';

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
    const kind = {
      name: 'run',
      namespace: 'flowkernel-run',
      command: CommandIDs.openRun,
      argumentsOf: (executionId: string) => ({ executionId }),
      make: (executionId: string) => new RunPage(flowkernel, lab, executionId)
    };
    const pages = new Pages<RunPage>(app, flowkernel.trans, kind, restorer);
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
          await pages.open(executionId);
        }
      }
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
