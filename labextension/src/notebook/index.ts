/** Notebooks and files: run as flow, marks on cells, context menus. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

/** Its plugins; none yet. */
export const notebookPlugins: JupyterFrontEndPlugin<void>[] = [];
