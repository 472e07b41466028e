/** What a person filled in to start a flow, a file, or a run again. */
import type { IStart, IWrapperUse, JsonObject } from '../wire';

export interface IStartRequest {
  readonly inputs: JsonObject;
  /** What was typed, by name, where the value does not show it. */
  readonly texts: { readonly [name: string]: string };
  readonly name: string | null;
  /** Whether a person is asked if a cell fails. */
  readonly asksPerson: boolean;
  /** Whether its kernel is kept after its end. */
  readonly keepsKernel: boolean;
  /** Wrappers around it, outermost first, besides the one that asks a person. */
  readonly using: readonly IWrapperUse[];
}

/** The wrapper that asks a person when a cell fails. */
export const INTERACTIVE: IWrapperUse = { name: 'interactive', inputs: {} };

/** What every body that starts something has of it. */
export function startFields(
  request: IStartRequest,
  earlier: readonly IWrapperUse[] = []
): Omit<IStart, 'flow' | 'clone_of'> {
  const { inputs, texts, name, asksPerson, keepsKernel } = request;
  const inner = [...request.using, ...earlier];
  const using =
    asksPerson && !inner.some(isInteractive) ? [INTERACTIVE, ...inner] : inner;
  return {
    inputs,
    texts,
    ...(name === null ? {} : { name }),
    ...(using.length === 0 ? {} : { using }),
    ...(keepsKernel ? { keep_kernel: true } : {}),
    is_interactive: asksPerson
  };
}

export function isInteractive(use: IWrapperUse): boolean {
  return use.name === INTERACTIVE.name;
}
