/** Hooks for what is under a run, kept current by the store. */
import {
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore
} from 'react';

import { useFlowkernel } from '../components/context';
import type { IFamilyRow } from '../model/family';
import { FamilyView } from '../model/family';
import { Histories } from '../model/histories';
import type { IHistory } from '../model/timeline';
import type { IRead } from '../components/reading';
import { useReading } from '../components/reading';

/** What could not be read, as while too many queries are under way, is read again after this. */
const RETRY_PAUSE = 3_000;

/** A run and all under it; the page of the run reads them into the store. */
export function useFamilyRows(executionId: string): readonly IFamilyRow[] {
  const { store } = useFlowkernel();
  const view = useMemo(
    () => new FamilyView(store, executionId),
    [store, executionId]
  );
  return useSyncExternalStore(view.subscribe, view.rows);
}

/** What these runs did when, read again of each that changes. */
export function useHistories(
  executionId: string,
  rows: readonly IFamilyRow[]
): IRead<ReadonlyMap<string, IHistory>> {
  const { api } = useFlowkernel();
  const histories = useRef<Histories | null>(null);
  const key = useRef('');
  if (histories.current === null || key.current !== executionId) {
    key.current = executionId;
    histories.current = new Histories(executionId, query => api.sql(query));
  }
  const newest = useRef(rows);
  newest.current = rows;
  const own = histories.current;
  const [round, setRound] = useState(0);
  const version = `${versionOf(rows)}:${round}`;
  const result = useReading(`history:${executionId}`, version, () =>
    own.read(newest.current)
  );
  const { error } = result;
  useEffect(() => {
    if (error !== null) {
      const timer = setTimeout(() => setRound(round => round + 1), RETRY_PAUSE);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, [error]);
  return result;
}

/** Another text when there is something new to read. */
function versionOf(rows: readonly IFamilyRow[]): string {
  const newest = rows.reduce(
    (most, { run }) => Math.max(most, run.last_seq),
    0
  );
  return `${rows.length}:${newest}`;
}
