/** Files that can run as flows, and how they are started. */
import type { IFileSignature, IFileStart } from '../wire';
import type { IStartRequest } from './start-request';
import { startFields } from './start-request';

/** Whether a file of this name can run: a notebook or a script of Python. */
export function isRunnable(path: string): boolean {
  return /\.(ipynb|py)$/i.test(path);
}

/** Whether it can start without a form: nothing must be filled in. */
export function startsAtOnce(signature: IFileSignature): boolean {
  return !signature.parameters.some(parameter => parameter.is_required);
}

/** The body that starts it; if a person is to be asked, through the wrapper for that. */
export function fileStart(path: string, request: IStartRequest): IFileStart {
  return { path, ...startFields(request) };
}
