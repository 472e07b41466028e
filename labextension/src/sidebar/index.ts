/** The sidebar, the item on the status bar, and notifications. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { IStatusBar } from '@jupyterlab/statusbar';

import { flowkernelIcon } from '../components/icon';
import { savedState } from '../components/saved-state';
import type { Section } from '../model/view-options';
import { ViewOptions } from '../model/view-options';
import { NO_FILTER } from '../model/filters';
import { CommandIDs, IFlowkernel } from '../tokens';
import { addContextMenus, addFlowCommands, addRunCommands } from './commands';
import { MessageNotifications } from './notifications';
import { Sidebar, SIDEBAR_ID } from './panel';
import { SidebarModel } from './sidebar-model';
import { StatusItem } from './status-item';

/** Where view options are kept. */
const VIEW_KEY = 'flowkernel:view';
/** Among the tabs of the left sidebar, below Lab's own. */
const RANK = 250;

const sidebarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'flowkernel:sidebar',
  description: 'Shows runs, flows and the inbox in the left sidebar.',
  autoStart: true,
  requires: [IFlowkernel],
  optional: [ICommandPalette, IStateDB, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    flowkernel: IFlowkernel,
    palette: ICommandPalette | null,
    state: IStateDB | null,
    restorer: ILayoutRestorer | null
  ) => {
    const { trans } = flowkernel;
    const view = savedView(state);
    const model = new SidebarModel(flowkernel, view);
    const sidebar = new Sidebar(model, app.commands);
    sidebar.title.icon = flowkernelIcon;
    sidebar.title.caption = trans.__('Runs, flows and inbox of flowkernel');
    app.shell.add(sidebar, 'left', { rank: RANK });
    restorer?.add(sidebar, SIDEBAR_ID);

    const show = (section: Section): void => {
      view.set({ section });
      app.shell.activateById(SIDEBAR_ID);
    };
    addRunCommands(app, flowkernel);
    addFlowCommands(app, flowkernel, view, flow => {
      view.set({ filter: { ...NO_FILTER, flow }, isGrouped: false });
      show('runs');
    });
    addContextMenus(app);
    const commands = {
      [CommandIDs.openRuns]: ['runs', trans.__('Show the runs')],
      [CommandIDs.openFlows]: ['flows', trans.__('Show the flows')],
      [CommandIDs.openInbox]: ['inbox', trans.__('Show the inbox')]
    } as const;
    for (const [command, [section, label]] of Object.entries(commands)) {
      app.commands.addCommand(command, {
        label,
        describedBy: { args: { type: 'object', properties: {} } },
        execute: () => show(section)
      });
      palette?.addItem({ command, category: trans.__('flowkernel') });
    }
  }
};

/** View options that are saved, and read once Lab has them. */
function savedView(state: IStateDB | null): ViewOptions {
  const { save, read } = savedState(state, VIEW_KEY);
  const view = new ViewOptions(save);
  void read().then(saved => view.restore(saved));
  return view;
}

const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'flowkernel:statusbar',
  description: 'Shows on the status bar what runs, and what waits for people.',
  autoStart: true,
  requires: [IFlowkernel],
  optional: [IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    flowkernel: IFlowkernel,
    statusBar: IStatusBar | null
  ) => {
    const item = new StatusItem(flowkernel, hasMessages => {
      void app.commands.execute(
        hasMessages ? CommandIDs.openInbox : CommandIDs.openRuns
      );
    });
    statusBar?.registerStatusItem('flowkernel:statusbar', {
      item,
      align: 'left',
      rank: 20
    });
  }
};

const notificationPlugin: JupyterFrontEndPlugin<void> = {
  id: 'flowkernel:notifications',
  description: 'Says that a run waits for a person, while nobody looks there.',
  autoStart: true,
  requires: [IFlowkernel],
  optional: [ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    flowkernel: IFlowkernel,
    settings: ISettingRegistry | null
  ) => {
    const isWatched = (): boolean => {
      const inbox = document.querySelector(
        `#${SIDEBAR_ID} #jp-flowkernel-tab-inbox[aria-selected="true"]`
      );
      return inbox instanceof HTMLElement && inbox.offsetParent !== null;
    };
    const notifications = new MessageNotifications(
      flowkernel,
      isWatched,
      messageId => {
        const { openInbox, openMessage } = CommandIDs;
        const isOne =
          messageId !== null && app.commands.hasCommand(openMessage);
        void app.commands.execute(
          isOne ? openMessage : openInbox,
          isOne ? { messageId } : {}
        );
      }
    );
    app.commands.commandExecuted.connect((_, { id }) => {
      if (id === CommandIDs.openInbox) {
        notifications.dismissAll();
      }
    });
    const load = async (): Promise<void> => {
      const loaded = await settings?.load(notificationPlugin.id);
      if (loaded === undefined) {
        return;
      }
      const read = (): void => {
        notifications.isOn = loaded.get('isOn').composite === true;
      };
      read();
      loaded.changed.connect(read);
    };
    load().catch(error => {
      console.warn('flowkernel: the settings could not be read.', error);
    });
  }
};

export const sidebarPlugins: JupyterFrontEndPlugin<void>[] = [
  sidebarPlugin,
  statusPlugin,
  notificationPlugin
];
