/** What the sidebar shows, apart from how: its view, its lists, and what was read for them. */
import type { IDisposable } from '@lumino/disposable';

import { RunList } from '../model/run-list';
import type { ViewOptions } from '../model/view-options';
import type { IFlowkernel, IRefresh } from '../tokens';
import type { IFlow, IFlowSummary } from '../wire';
import { readChildren, runLoader } from './run-loader';

export type FlowsState =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | {
      readonly kind: 'ready';
      readonly flows: readonly IFlow[];
      readonly summaries: readonly IFlowSummary[];
    };

export class SidebarModel implements IDisposable {
  constructor(
    readonly flowkernel: IFlowkernel,
    readonly view: ViewOptions
  ) {
    const { api, store } = flowkernel;
    this.runs = new RunList(store, runLoader(api, store));
    flowkernel.refreshed.connect(this._readAgain, this);
    this._leave = view.subscribe(() => this._showFilter());
  }

  readonly runs: RunList;

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  readonly flows = (): FlowsState => this._flows;

  readonly subscribeFlows = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  /** The sidebar is in sight for the first time: now, and not before, is anything read. */
  wake(): void {
    if (!this._isAwake) {
      this._isAwake = true;
      void this._refresh();
    }
  }

  /** Read again what is shown. */
  readonly refresh = (): void => {
    void this._refresh();
  };

  async readFlows(): Promise<void> {
    const { api } = this.flowkernel;
    this._flowsRound += 1;
    const round = this._flowsRound;
    // An older answer that comes later says nothing.
    const set = (flows: FlowsState): void => {
      if (round === this._flowsRound) {
        this._setFlows(flows);
      }
    };
    try {
      const flows = await api.flows();
      set({ kind: 'ready', flows, summaries: this._summaries() });
      const summaries = await api.flowSummaries();
      set({ kind: 'ready', flows, summaries });
    } catch (error) {
      if (this._flows.kind !== 'ready') {
        set({ kind: 'failed', error });
      }
    }
  }

  /** What is under a line that is open is kept current. */
  keepOpen(executionId: string, isOpen: boolean): void {
    this._kept.get(executionId)?.();
    this._kept.delete(executionId);
    if (isOpen) {
      const { store } = this.flowkernel;
      this._kept.set(executionId, store.keepChildren(executionId));
      void this._readUnder(executionId);
    }
  }

  private async _readUnder(executionId: string): Promise<void> {
    const { api, store } = this.flowkernel;
    try {
      await readChildren(api, store, executionId);
    } catch (error) {
      console.warn('flowkernel: what is under a run could not be read.', error);
    }
  }

  isKept(executionId: string): boolean {
    return this._kept.has(executionId);
  }

  dispose(): void {
    this._isDisposed = true;
    this.flowkernel.refreshed.disconnect(this._readAgain, this);
    this._leave();
    this._kept.forEach(release => release());
    this.runs.dispose();
    this._listeners.clear();
  }

  private _readAgain(_: IFlowkernel, refresh: IRefresh): void {
    if (this._isAwake) {
      refresh.until(this._refresh(refresh.isAgain));
    }
  }

  private async _refresh(isAgain = false): Promise<void> {
    const children = [...this._kept.keys()].map(id => this._readUnder(id));
    await Promise.all([this._readLists(isAgain), ...children]);
  }

  /**
   * The list in sight first. The last runs of each flow are found among all runs: meanwhile two
   * cores have no time for anything else.
   */
  private async _readLists(isAgain: boolean): Promise<void> {
    const { filter, section } = this.view.get();
    const readRuns = (): Promise<void> =>
      isAgain ? this.runs.again() : this.runs.show(filter);
    if (section === 'flows') {
      await Promise.all([this.readFlows(), readRuns()]);
    } else {
      await readRuns();
      await this.readFlows();
    }
  }

  /** The list follows the filter, wherever that is changed. */
  private _showFilter(): void {
    const { filter } = this.view.get();
    if (this._isAwake && filter !== this.runs.filter) {
      void this.runs.show(filter);
    }
  }

  private _summaries(): readonly IFlowSummary[] {
    return this._flows.kind === 'ready' ? this._flows.summaries : [];
  }

  private _setFlows(flows: FlowsState): void {
    this._flows = flows;
    this._listeners.forEach(listener => listener());
  }

  private readonly _leave: () => void;
  private readonly _kept = new Map<string, () => void>();
  private readonly _listeners = new Set<() => void>();
  private _flows: FlowsState = { kind: 'loading' };
  private _flowsRound = 0;
  private _isAwake = false;
  private _isDisposed = false;
}
