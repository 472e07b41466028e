/** Pages of ours: in Lab's main area; in Notebook 7, each in a tab of the browser. */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import {
  MainAreaWidget,
  Notification,
  WidgetTracker
} from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

import { EMPTY_PAGE, pageIn, pageUrl } from '../model/page-address';
import type { ITranslate } from '../model/words';
import { flowkernelIcon } from './icon';

/** Which page of Notebook 7 this is; empty: it is Lab. Its main area has one page alone. */
const NOTEBOOK_PAGE = PageConfig.getOption('notebookPage');

/** Pages that are alike, of which each is about something else: its key. */
export interface IPageKind<Content extends Widget> {
  /** In addresses of Notebook 7. */
  readonly name: string;
  /** Under which Lab saves which pages are open. */
  readonly namespace: string;
  /** The command that opens one, and its arguments. */
  readonly command: string;
  readonly argumentsOf: (key: string) => ReadonlyPartialJSONObject;
  readonly make: (key: string) => Content;
}

export class Pages<Content extends Widget> {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _trans: ITranslate,
    private readonly _kind: IPageKind<Content>,
    restorer: ILayoutRestorer | null
  ) {
    const { namespace, command, argumentsOf } = _kind;
    this._tracker = new WidgetTracker({ namespace });
    void restorer?.restore(this._tracker, {
      command,
      args: page => argumentsOf(this._keyOf(page)),
      name: page => this._keyOf(page) || namespace
    });
    this._showAddress();
  }

  /** Open, or reveal, the page about this. */
  async open(key: string): Promise<void> {
    const page = this._tracker.find(other => this._keyOf(other) === key);
    if (page !== undefined) {
      this._app.shell.activateById(page.id);
    } else if (NOTEBOOK_PAGE === '') {
      await this._show(key);
    } else {
      this._openTab(key);
    }
  }

  /** Show the page about this in place of another one. */
  async replace(content: Content, key: string): Promise<void> {
    if (NOTEBOOK_PAGE === '') {
      await this.open(key);
      content.parent?.dispose();
    } else {
      window.location.assign(this._url(key));
    }
  }

  /**
   * Close a page. A tab that a person opened by its address cannot be closed from within: there
   * the files follow.
   */
  close(content: Content): void {
    if (NOTEBOOK_PAGE === '') {
      content.parent?.dispose();
      return;
    }
    window.close();
    if (!window.closed) {
      window.location.assign(`${this._baseUrl}tree`);
    }
  }

  /** Leave a page for a dialog. In Notebook 7 the dialog is over it: there it stays. */
  leave(content: Content): void {
    if (NOTEBOOK_PAGE === '') {
      content.parent?.dispose();
    }
  }

  /** The page in Notebook 7 has its own address: there it is shown, once all plugins are there. */
  private _showAddress(): void {
    const address =
      NOTEBOOK_PAGE === EMPTY_PAGE ? pageIn(window.location.search) : null;
    if (address?.kind === this._kind.name) {
      void this._app.started.then(() => this._show(address.key));
    }
  }

  private async _show(key: string): Promise<void> {
    const content = this._kind.make(key);
    const page = new MainAreaWidget({ content });
    page.id = `jp-${this._kind.namespace}-${key}`;
    page.title.icon = flowkernelIcon;
    page.title.closable = true;
    page.toolbar.hide(); // Lab adds one to each page.
    this._keys.set(page, key);
    this._app.shell.add(page, 'main');
    await this._tracker.add(page);
    this._app.shell.activateById(page.id);
    if (NOTEBOOK_PAGE !== '') {
      nameTab(page);
    }
  }

  /** One that is open is revealed as it is: something may be typed in it. */
  private _openTab(key: string): void {
    const url = this._url(key);
    const tab = window.open('', url);
    if (tab === null) {
      this._offerTab(key);
    } else if (isAt(tab, url)) {
      tab.focus();
    } else {
      tab.location.assign(url);
    }
  }

  /** A browser lets a page open a tab only shortly after a click. */
  private _offerTab(key: string): void {
    Notification.info(
      this._trans.__('The browser did not let the page open in a tab.'),
      {
        autoClose: false,
        actions: [
          {
            label: this._trans.__('Open the page'),
            displayType: 'accent',
            callback: () => this._openTab(key)
          }
        ]
      }
    );
  }

  private _url(key: string): string {
    return pageUrl(this._baseUrl, { kind: this._kind.name, key });
  }

  private get _baseUrl(): string {
    return this._app.serviceManager.serverSettings.baseUrl;
  }

  private _keyOf(page: MainAreaWidget<Content>): string {
    return this._keys.get(page) ?? '';
  }

  private readonly _tracker: WidgetTracker<MainAreaWidget<Content>>;
  private readonly _keys = new WeakMap<MainAreaWidget<Content>, string>();
}

/** The tab of the browser has the name of its page. */
function nameTab(page: Widget): void {
  const say = (): void => {
    document.title = page.title.label;
  };
  say();
  page.title.changed.connect(say);
}

/** Whether a tab shows this address: a person may have gone elsewhere in it. */
function isAt(tab: Window, url: string): boolean {
  try {
    return tab.location.href === url;
  } catch {
    return false; // It is another site.
  }
}
