/** Where the engine stands, as this window knows it. */
import type { IEngineState } from '../wire';

/** One union, so that no impossible screen can be written. */
export type EngineView =
  | { readonly kind: 'loading' }
  | { readonly kind: 'offline'; readonly message: string }
  | ({ readonly kind: 'known' } & IEngineState);

export class EngineModel {
  get view(): EngineView {
    return this._view;
  }

  get isReady(): boolean {
    return this._view.kind === 'known' && this._view.state === 'ready';
  }

  set(state: IEngineState): void {
    this._last = { ...this._last, ...state };
    this._change({ kind: 'known', ...this._last });
  }

  /** Jupyter Server itself is away: nothing is known of the engine until it is back. */
  setOffline(message: string): void {
    this._change({ kind: 'offline', message });
  }

  /** Whether what has not ended was read: before that, counts are too low. */
  get isCounted(): boolean {
    return this._isCounted;
  }

  noteCounted(): void {
    this._isCounted = true;
    this._change(this._view);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  private _change(view: EngineView): void {
    this._view = view;
    [...this._listeners].forEach(listener => listener());
  }

  private _isCounted = false;
  private _last: IEngineState = { state: 'stopped', message: '' };
  private _view: EngineView = { kind: 'loading' };
  private readonly _listeners = new Set<() => void>();
}
