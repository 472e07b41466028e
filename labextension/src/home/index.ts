/** The home page. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

/** Its plugins; none yet. */
export const homePlugins: JupyterFrontEndPlugin<void>[] = [];
