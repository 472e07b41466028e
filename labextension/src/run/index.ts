/** The page of a run. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

/** Its plugins; none yet. */
export const runPlugins: JupyterFrontEndPlugin<void>[] = [];
