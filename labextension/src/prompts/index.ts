/** Prompts: what people answer, and notebooks on live kernels. */
import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

/** Its plugins; none yet. */
export const promptPlugins: JupyterFrontEndPlugin<void>[] = [];
