/** Files that can run as flows, and how they are started. */
import type { IFileSignature, IFileStart } from '../wire';
import type { IStartRequest } from './start-request';
import { startFields } from './start-request';

/** Whether a file of this name can run: a notebook or a script of Python. */
export function isRunnable(path: string): boolean {
  return /\.(ipynb|py)$/i.test(path);
}

/**
 * The path of a file as Jupyter has it; null: it is not in the folder that Jupyter shows.
 *
 * @param folder That folder, from the root of the disk on; empty: it is not known.
 */
export function shownPath(path: string | null, folder: string): string | null {
  const start = `${folder.replace(/\/$/, '')}/`;
  const isShown = path !== null && folder !== '' && path.startsWith(start);
  return isShown ? path.slice(start.length) : null;
}

/** Whether it can start without a form: nothing must be filled in. */
export function startsAtOnce(signature: IFileSignature): boolean {
  return !signature.parameters.some(parameter => parameter.is_required);
}

/** The body that starts it; if a person is to be asked, through the wrapper for that. */
export function fileStart(path: string, request: IStartRequest): IFileStart {
  return { path, ...startFields(request) };
}
