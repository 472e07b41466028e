/** What the page of a run needs of Lab, and what people chose to see on it. */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { CommandRegistry } from '@lumino/commands';
import {
  createContext,
  useCallback,
  useContext,
  useSyncExternalStore
} from 'react';

import type { KeptOptions } from '../model/kept-options';
import type { Json } from '../wire';

export interface ILab {
  readonly commands: CommandRegistry;
  readonly rendermime: IRenderMimeRegistry;
  /** Null: sources have no colours. */
  readonly languages: IEditorLanguageRegistry | null;
  readonly options: KeptOptions;
}

export const LabContext = createContext<ILab | null>(null);

export function useLab(): ILab {
  const lab = useContext(LabContext);
  if (lab === null) {
    throw new Error('This component is not on the page of a run.');
  }
  return lab;
}

/**
 * A choice that survives a reload, by its name, which all pages of runs share.
 *
 * @param first Its value before anyone chose: a text, a number or a boolean.
 */
export function useOption<T extends string | number | boolean>(
  name: string,
  first: T
): readonly [T, (value: T) => void] {
  const { options } = useLab();
  const value = useSyncExternalStore(options.subscribe, () =>
    options.get<Json>(name, first)
  );
  const set = useCallback(
    (value: T) => options.set(name, value),
    [options, name]
  );
  return [value as T, set];
}
