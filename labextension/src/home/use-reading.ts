/** What is read once, and again when it may be out of date; what was there stays meanwhile. */
import { useCallback, useEffect, useState } from 'react';

import { useFlowkernel } from '../components/context';
import type { IFlowkernel, IRefresh } from '../tokens';

export type Reading<T> =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'ready'; readonly value: T };

/** @param read Keeps its identity while it reads the same. */
export function useReading<T>(
  read: () => Promise<T>
): readonly [Reading<T>, () => void] {
  const { refreshed } = useFlowkernel();
  const [reading, setReading] = useState<Reading<T>>({ kind: 'loading' });
  const readAgain = useCallback(async (): Promise<void> => {
    try {
      setReading({ kind: 'ready', value: await read() });
    } catch (error) {
      setReading({ kind: 'failed', error });
    }
  }, [read]);
  useEffect(() => {
    const onRefreshed = (_: IFlowkernel, refresh: IRefresh): void =>
      refresh.until(readAgain());
    void readAgain();
    refreshed.connect(onRefreshed);
    return () => {
      refreshed.disconnect(onRefreshed);
    };
  }, [refreshed, readAgain]);
  return [reading, () => void readAgain()];
}
