/** The home page: a card of the launcher, and a command. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';

import { flowkernelIcon } from '../components/icon';
import { mainPage, showPage } from '../components/main-page';
import { CommandIDs, IFlowkernel } from '../tokens';
import { HomePage } from './page';

const NAMESPACE = 'flowkernel-home';

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
    const tracker = new WidgetTracker<MainAreaWidget<HomePage>>({
      namespace: NAMESPACE
    });
    const page = (): MainAreaWidget<HomePage> => {
      const content = new HomePage(flowkernel, app.commands);
      const widget = mainPage(content, NAMESPACE);
      widget.title.label = trans.__('flowkernel');
      widget.title.caption = trans.__('What runs, what waits, what failed');
      return widget;
    };
    const command = CommandIDs.openHome;
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
      execute: () => showPage(app, tracker, tracker.find(() => true) ?? page())
    });
    const category = trans.__('flowkernel');
    palette?.addItem({ command, category, args: { isPalette: true } });
    launcher?.add({ command, category: trans.__('Other'), rank: 0 });
    void restorer?.restore(tracker, { command, name: () => NAMESPACE });
  }
};

export const homePlugins: JupyterFrontEndPlugin<void>[] = [homePlugin];
