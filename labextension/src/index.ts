/** The plugins of flowkernel for JupyterLab and Notebook 7. Each can be switched off. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Client } from './client';
import { homePlugins } from './home';
import { notebookPlugins } from './notebook';
import { promptPlugins } from './prompts';
import { runPlugins } from './run';
import { sidebarPlugins } from './sidebar';
import { IFlowkernel, TRANSLATION } from './tokens';

export { IFlowkernel } from './tokens';

const clientPlugin: JupyterFrontEndPlugin<IFlowkernel> = {
  id: 'flowkernel:client',
  description:
    'Follows the runs, flows and messages of flowkernel for the other plugins.',
  autoStart: true,
  provides: IFlowkernel,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load(TRANSLATION);
    const client = new Client(app.commands, trans);
    client.follow();
    return client;
  }
};

export default [
  clientPlugin,
  ...sidebarPlugins,
  ...runPlugins,
  ...promptPlugins,
  ...homePlugins,
  ...notebookPlugins
];
