/** Pages of ours in the main area. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { WidgetTracker } from '@jupyterlab/apputils';
import { MainAreaWidget } from '@jupyterlab/apputils';
import type { Widget } from '@lumino/widgets';

import { flowkernelIcon } from './icon';

/** A page, without the toolbar that Lab adds to it. */
export function mainPage<Content extends Widget>(
  content: Content,
  id: string
): MainAreaWidget<Content> {
  const widget = new MainAreaWidget({ content });
  widget.id = id;
  widget.title.icon = flowkernelIcon;
  widget.title.closable = true;
  widget.toolbar.hide();
  return widget;
}

/** Show a page: it is added once, and after that revealed. */
export async function showPage<Content extends Widget>(
  app: JupyterFrontEnd,
  tracker: WidgetTracker<MainAreaWidget<Content>>,
  page: MainAreaWidget<Content>
): Promise<void> {
  if (!page.isAttached) {
    app.shell.add(page, 'main');
  }
  if (!tracker.has(page)) {
    await tracker.add(page);
  }
  app.shell.activateById(page.id);
}
