/** The home page: a card of the launcher, and a command. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';

import { flowkernelIcon } from '../components/icon';
import { Pages } from '../components/pages';
import { CommandIDs, IFlowkernel } from '../tokens';
import { HomePage } from './page';

/** There is one home page. */
const HOME = '';

const homePlugin: JupyterFrontEndPlugin<void> = {
  id: 'flowkernel:home',
  description: 'Shows what runs, what waits for a person, and what failed.',
  autoStart: true,
  requires: [IFlowkernel],
  optional: [ILauncher, ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    flowkernel: IFlowkernel,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ) => {
    const { trans } = flowkernel;
    const command = CommandIDs.openHome;
    const kind = {
      name: 'home',
      namespace: 'flowkernel-home',
      command,
      argumentsOf: () => ({}),
      make: () => {
        const page = new HomePage(flowkernel, app.commands);
        page.title.label = trans.__('flowkernel');
        page.title.caption = trans.__('What runs, what waits, what failed');
        return page;
      }
    };
    const pages = new Pages<HomePage>(app, trans, kind, restorer);
    app.commands.addCommand(command, {
      label: args =>
        args['isPalette']
          ? trans.__('Open the home page')
          : trans.__('flowkernel'),
      caption: trans.__(
        'What runs, what waits for a person, and what failed since yesterday'
      ),
      icon: args => (args['isPalette'] ? undefined : flowkernelIcon),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => pages.open(HOME)
    });
    const category = trans.__('flowkernel');
    palette?.addItem({ command, category, args: { isPalette: true } });
    launcher?.add({ command, category: trans.__('Other'), rank: 0 });
  }
};

export const homePlugins: JupyterFrontEndPlugin<void>[] = [homePlugin];
