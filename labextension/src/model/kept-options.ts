/** What people chose to see on a page, by name: kept over a reload. */
import type { Json } from '../wire';

/** Names that are remembered, inclusive; those that were set longest ago are forgotten. */
export const MOST_OPTIONS = 300;

export class KeptOptions {
  /** @param _save Is called after each change, with all of them. */
  constructor(private readonly _save: (options: Json) => void) {}

  /** Whether those of the last time are here. */
  readonly isReady = (): boolean => this._isReady;

  /** The value of a name; `first` if it has none, or one of another kind. */
  get<T extends Json>(name: string, first: T): T {
    const value = this._values.get(name);
    return isLike(value, first) ? value : first;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  set(name: string, value: Json): void {
    this._values.delete(name);
    this._values.set(name, value);
    const [oldest] = this._values.keys();
    if (this._values.size > MOST_OPTIONS && oldest !== undefined) {
      this._values.delete(oldest);
    }
    this._tell();
    this._save([...this._values]);
  }

  /** Take what was saved, where nothing was chosen meanwhile. */
  restore(saved: unknown): void {
    const chosen = [...this._values];
    const pairs = Array.isArray(saved) ? saved.filter(isPair) : [];
    this._values = new Map([...pairs, ...chosen]);
    this._isReady = true;
    this._tell();
  }

  private _tell(): void {
    [...this._listeners].forEach(listener => listener());
  }

  private _isReady = false;
  private _values = new Map<string, Json>();
  private readonly _listeners = new Set<() => void>();
}

function isPair(item: unknown): item is [string, Json] {
  return (
    Array.isArray(item) && item.length === 2 && typeof item[0] === 'string'
  );
}

/** Whether a value is of the kind of another: of an object it is only known that it is one. */
function isLike<T extends Json>(value: Json | undefined, first: T): value is T {
  return (
    typeof value === typeof first &&
    Array.isArray(value) === Array.isArray(first) &&
    (value === null) === (first === null)
  );
}
