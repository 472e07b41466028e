/** Reads an output notebook while it is written. */
import { useEffect, useRef, useState } from 'react';

import { useFlowkernel, useRun } from '../components/context';
import { keptCells } from '../model/notebook-cells';
import type { IOutputNotebook } from '../wire';
import type { IRead } from '../components/reading';
import { useReading } from '../components/reading';

/** A cell that runs writes outputs of which no change tells: they are looked for. Milliseconds. */
const LOOK_EVERY = 1_500;

/** The notebook, read again after each change; cells that are unchanged stay the same. */
export function useNotebook(executionId: string): IRead<IOutputNotebook> {
  const { api } = useFlowkernel();
  const run = useRun(executionId);
  const looks = useLooks(run?.status === 'RUNNING');
  const last = useRef<{ id: string; notebook: IOutputNotebook } | null>(null);
  return useReading(executionId, `${run?.last_seq} ${looks}`, async () => {
    const before =
      last.current?.id === executionId ? last.current.notebook : null;
    const next = await api.notebook(executionId, before?.etag);
    if (next === null && before !== null) {
      return before;
    }
    const cells = keptCells(before?.cells ?? [], next!.cells);
    last.current = { id: executionId, notebook: { ...next!, cells } };
    return last.current.notebook;
  });
}

/** A number that grows while it runs and somebody can see it. */
function useLooks(isRunning: boolean): number {
  const [looks, setLooks] = useState(0);
  useEffect(() => {
    if (!isRunning) {
      return;
    }
    const timer = setInterval(
      () => document.hidden || setLooks(now => now + 1),
      LOOK_EVERY
    );
    return () => clearInterval(timer);
  }, [isRunning]);
  return looks;
}
