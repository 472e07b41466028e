/** What the sidebar shows, apart from how: its view, its lists, and what was read for them. */
import type { IDisposable } from '@lumino/disposable';

import { RunList } from '../model/run-list';
import type { ViewOptions } from '../model/view-options';
import type { IFlowkernel } from '../tokens';
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
    flowkernel.refreshed.connect(this._refresh, this);
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
      this._refresh();
    }
  }

  /** Read again what is shown. */
  readonly refresh = (): void => {
    this._refresh();
  };

  async readFlows(): Promise<void> {
    const { api } = this.flowkernel;
    try {
      const flows = await api.flows();
      this._setFlows({ kind: 'ready', flows, summaries: this._summaries() });
      const summaries = await api.flowSummaries();
      this._setFlows({ kind: 'ready', flows, summaries });
    } catch (error) {
      if (this._flows.kind !== 'ready') {
        this._setFlows({ kind: 'failed', error });
      }
    }
  }

  /** What is under a line that is open is kept current. */
  keepOpen(executionId: string, isOpen: boolean): void {
    const { api, store } = this.flowkernel;
    this._kept.get(executionId)?.();
    this._kept.delete(executionId);
    if (isOpen) {
      this._kept.set(executionId, store.keepChildren(executionId));
      readChildren(api, store, executionId).catch(error => {
        console.warn(
          'flowkernel: what is under a run could not be read.',
          error
        );
      });
    }
  }

  isKept(executionId: string): boolean {
    return this._kept.has(executionId);
  }

  dispose(): void {
    this._isDisposed = true;
    this.flowkernel.refreshed.disconnect(this._refresh, this);
    this._leave();
    this._kept.forEach(release => release());
    this.runs.dispose();
    this._listeners.clear();
  }

  private _refresh(): void {
    if (!this._isAwake || this._isDisposed) {
      return;
    }
    void this.runs.show(this.view.get().filter);
    void this.readFlows();
    [...this._kept.keys()].forEach(id => this.keepOpen(id, true));
  }

  /** The list follows the filter, whoever changes it. */
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
  private _isAwake = false;
  private _isDisposed = false;
}
