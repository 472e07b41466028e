/** What people chose to see, in Lab's database of states: it survives a reload. */
import type { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';

/** Changes within this time are saved once. Milliseconds. */
const SAVE_PAUSE = 300;

export interface ISavedState {
  readonly save: (value: unknown) => void;
  /** Give what was saved, once Lab has it; undefined: nothing was, or it cannot be read. */
  readonly read: () => Promise<unknown>;
}

/** @param key Under which it is saved. */
export function savedState(state: IStateDB | null, key: string): ISavedState {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    save: value => {
      clearTimeout(timer);
      timer = setTimeout(
        () => void state?.save(key, value as ReadonlyPartialJSONValue),
        SAVE_PAUSE
      );
    },
    read: async () => {
      try {
        return await state?.fetch(key);
      } catch (error) {
        console.warn('flowkernel: what was chosen could not be read.', error);
        return undefined;
      }
    }
  };
}
