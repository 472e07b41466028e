/** Hooks that read something, and again when it may be out of date. */
import { useCallback, useEffect, useRef, useState } from 'react';

import { LatestReader } from '../model/latest-reader';
import type { IExecution } from '../wire';
import { useFlowkernel, useRun } from './context';

/** What changes all the time is read again after this. Milliseconds. */
const PAUSE = 250;

export interface IRead<T> {
  /** Null: it was not read yet, or could never be read. */
  readonly value: T | null;
  /** Why the last reading failed; null: it did not. */
  readonly error: unknown;
  /** Read it again; what is here stays meanwhile. */
  readonly again: () => void;
}

interface IState<T> {
  readonly key: string;
  readonly value: T | null;
  readonly error: unknown;
}

/**
 * What `read` gives: at first, when `version` is another one, and when the engine is there again.
 *
 * One reading is under way at a time, so an older answer never replaces a newer one.
 *
 * @param key What is read: with another one everything begins again.
 * @param pause Between two readings of another version, at least. Milliseconds.
 */
export function useReading<T>(
  key: string,
  version: unknown,
  read: () => Promise<T>,
  pause = PAUSE
): IRead<T> {
  const { refreshed } = useFlowkernel();
  const [state, setState] = useState<IState<T>>({
    key,
    value: null,
    error: null
  });
  const latest = useRef(read);
  latest.current = read;
  const reader = useRef<LatestReader<T> | null>(null);
  useEffect(() => {
    const own = new LatestReader<T>(
      {
        read: () => latest.current(),
        give: value => setState({ key, value, error: null }),
        fail: error => setState(now => failed(now, key, error))
      },
      pause
    );
    const readAgain = (): void => own.askNow();
    reader.current = own;
    refreshed.connect(readAgain);
    return () => {
      refreshed.disconnect(readAgain);
      own.stop();
    };
  }, [key, refreshed, pause]);
  useEffect(() => reader.current?.ask(), [key, version, refreshed, pause]);
  const again = useCallback(() => reader.current?.askNow(), []);
  const isCurrent = state.key === key;
  return {
    value: isCurrent ? state.value : null,
    error: isCurrent ? state.error : null,
    again
  };
}

/** What was read before stays, with the reason why it is not read again. */
function failed<T>(now: IState<T>, key: string, error: unknown): IState<T> {
  return { key, value: now.key === key ? now.value : null, error };
}

/** The number of the last change of a run; 0: it is not known here. */
export function useRunVersion(executionId: string): number {
  return useRun(executionId)?.last_seq ?? 0;
}

/** A run with its JSON columns. */
export function useExecution(executionId: string): IRead<IExecution> {
  const { api } = useFlowkernel();
  const version = useRunVersion(executionId);
  return useReading(executionId, version, () => api.execution(executionId));
}
