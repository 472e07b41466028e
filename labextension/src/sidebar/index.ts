/** The sidebar, the item on the status bar, and notifications. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

/** Its plugins; none yet. */
export const sidebarPlugins: JupyterFrontEndPlugin<void>[] = [];
