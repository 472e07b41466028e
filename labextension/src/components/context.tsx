/** What every component of ours can reach, and hooks that keep it current. */
import type { ReactNode } from 'react';
import {
  createContext,
  useCallback,
  useContext,
  useSyncExternalStore
} from 'react';

import { Ticker } from '../model/durations';
import type { EngineView } from '../model/engine';
import type { IRun, Topic } from '../model/store';
import type { ITranslate } from '../model/words';
import type { IFlowkernel } from '../tokens';
import type { IMessageRow } from '../wire';

const Context = createContext<IFlowkernel | null>(null);

/** The clocks of this window: durations tick each second, ages twice a minute. */
const SECONDS = new Ticker(1_000);
const AGES = new Ticker(30_000);

/** Gives `flowkernel` to all components in it. */
export function FlowkernelProvider(props: {
  readonly flowkernel: IFlowkernel;
  readonly children: ReactNode;
}): JSX.Element {
  return (
    <Context.Provider value={props.flowkernel}>
      {props.children}
    </Context.Provider>
  );
}

export function useFlowkernel(): IFlowkernel {
  const flowkernel = useContext(Context);
  if (flowkernel === null) {
    throw new Error('This component is not in a FlowkernelProvider.');
  }
  return flowkernel;
}

export function useTrans(): ITranslate {
  return useFlowkernel().trans;
}

/** What `read` gives, again after each change of the topics. Its result keeps its identity. */
export function useStore<T>(read: () => T, ...topics: readonly Topic[]): T {
  const { store } = useFlowkernel();
  const words = topics.join(' ');
  const subscribe = useCallback(
    (listener: () => void) =>
      store.subscribe(listener, ...(words.split(' ') as Topic[])),
    [store, words]
  );
  return useSyncExternalStore(subscribe, read);
}

/** The run as it is now; undefined: it is not known here. */
export function useRun(executionId: string): IRun | undefined {
  const { store } = useFlowkernel();
  return useStore(() => store.run(executionId), `run:${executionId}`);
}

/** The messages that wait for people: badge, list and notifications are this. */
export function useOpenMessages(): readonly IMessageRow[] {
  const { store } = useFlowkernel();
  return useStore(() => store.openMessages, 'messages');
}

export function useEngine(): EngineView {
  const { engine } = useFlowkernel();
  return useSyncExternalStore(engine.subscribe, () => engine.view);
}

/** The moment, each second; while it is not needed it costs nothing. Milliseconds. */
export function useNow(isTicking = true): number {
  return useTicker(SECONDS, isTicking);
}

/** The moment, twice a minute: for ages. Milliseconds. */
export function useSlowNow(): number {
  return useTicker(AGES, true);
}

function useTicker(ticker: Ticker, isTicking: boolean): number {
  const subscribe = useCallback(
    (listener: () => void) =>
      isTicking ? ticker.subscribe(listener) : () => undefined,
    [ticker, isTicking]
  );
  const now = useSyncExternalStore(subscribe, ticker.now);
  return now;
}
