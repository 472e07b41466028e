/** Hooks that read something of a run, and again after each change of the run. */
import { useEffect, useRef, useState } from 'react';

import { useFlowkernel, useRun } from '../components/context';
import { LatestReader } from '../model/latest-reader';
import type { IExecution } from '../wire';

/** A run that changes all the time is read again after this. Milliseconds. */
const PAUSE = 250;

export interface IRead<T> {
  /** Null: it was not read yet, or cannot be read. */
  readonly value: T | null;
  /** Why the last reading failed; null: it did not. */
  readonly error: unknown;
}

/**
 * What `read` gives: at first, and when `version` is another one.
 *
 * @param key What is read: with another one everything begins anew.
 */
export function useReading<T>(
  key: string,
  version: unknown,
  read: () => Promise<T>
): IRead<T> {
  const [state, setState] = useState<IRead<T> & { readonly key: string }>({
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
      PAUSE
    );
    reader.current = own;
    return () => own.stop();
  }, [key]);
  useEffect(() => reader.current?.ask(), [key, version]);
  return state.key === key ? state : { value: null, error: null };
}

/** What was read before stays, with the reason why it is not read again. */
function failed<T>(
  now: IRead<T> & { readonly key: string },
  key: string,
  error: unknown
): IRead<T> & { readonly key: string } {
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
