/**
 * A list of roots: read page by page when somebody scrolls there, and then kept true by changes.
 *
 * The store may have older roots that another list has read: this one shows those down to the
 * last that it read itself (`floor`), so that it never has a gap.
 */
import type { IExecutionRow } from '../wire';
import type { IRunFilter } from './filters';
import { matches, NO_FILTER } from './filters';
import { newestFirst, placeIn } from './sorted-ids';
import type { RunStore } from './store';
import { parentOf } from './store';

export interface IRunPage {
  readonly rows: readonly IExecutionRow[];
  /** What gives the next page; null: this is the last. */
  readonly next: string | null;
}

/** Reads a page of the roots that match; `cursor` null: the newest. */
export type RunLoader = (
  filter: IRunFilter,
  cursor: string | null
) => Promise<IRunPage>;

export type RunListState =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'ready' };

export class RunList {
  constructor(
    private readonly _store: RunStore,
    private readonly _load: RunLoader,
    private readonly _now: () => number = Date.now
  ) {
    this._leave = _store.subscribe(
      () => this._noteRows(),
      'roots',
      'root-rows'
    );
  }

  get filter(): IRunFilter {
    return this._filter;
  }

  get state(): RunListState {
    return this._state;
  }

  /** Whether there are older ones that were not read yet. */
  get hasMore(): boolean {
    return this._next !== null;
  }

  /** The ids, the newest first; the same list until it changes. */
  get ids(): readonly string[] {
    return this._ids;
  }

  /** A number that grows when other runs are in the list, or it is in another state. */
  readonly version = (): number => this._version;

  /** A number that grows with each change of a run that is a root. */
  readonly rowVersion = (): number => this._rowVersion;

  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  /** Read the first page; what was read before stays on the screen until it is there. */
  async show(filter: IRunFilter | null): Promise<void> {
    const isOther = filter !== null && filter !== this._filter;
    if (isOther) {
      this._filter = filter;
      this._floor = NOTHING;
      this._next = null;
      this._selectAll();
      this._set({ kind: 'loading' });
    }
    this._round += 1;
    await this._read(null);
  }

  /** All may be incomplete: read the first page, and forget how deep the list was. */
  async again(): Promise<void> {
    this._round += 1;
    await this._read(null, true);
  }

  /** Read the next page, unless one is being read. */
  async more(): Promise<void> {
    if (this._next !== null && !this._isReading) {
      await this._read(this._next);
    }
  }

  dispose(): void {
    this._round += 1;
    this._leave();
    this._listeners.clear();
  }

  private async _read(cursor: string | null, isAgain = false): Promise<void> {
    const round = this._round;
    this._isReading = true;
    try {
      const page = await this._load(this._filter, cursor);
      if (round === this._round) {
        this._take(page, cursor === null, isAgain);
      }
    } catch (error) {
      if (round === this._round) {
        this._isReading = false;
        this._set({ kind: 'failed', error });
      }
    }
  }

  private _take(page: IRunPage, isFirst: boolean, isAgain: boolean): void {
    this._isReading = false;
    const last = page.rows[page.rows.length - 1]?.execution_id ?? NOTHING;
    const isDeeper = !isAgain && this._members.size > 0 && this._floor < last;
    if (!isFirst || !isDeeper) {
      this._next = page.next;
      this._lowerFloor(page.next === null ? ALL : last);
    }
    this._store.addRuns(page.rows);
    this._set({ kind: 'ready' });
  }

  /** Now older ones belong to the list, too: also those that another list has read. */
  private _lowerFloor(floor: string): void {
    const before = this._floor;
    this._floor = floor;
    if (before <= floor) {
      this._selectAll(); // What is below was not read since.
      return;
    }
    const { roots } = this._store;
    const added = roots
      .slice(placeIn(roots, before), placeIn(roots, floor) + 1)
      .filter(id => !this._members.has(id) && this._belongs(id));
    added.forEach(id => this._members.add(id));
    if (added.length > 0) {
      this._ids = [...this._ids, ...added].sort(newestFirst);
    }
  }

  private _selectAll(): void {
    const ids = this._store.roots.filter(id => this._belongs(id));
    this._ids = ids;
    this._members = new Set(ids);
  }

  private _belongs(id: string): boolean {
    const run = this._store.run(id);
    return (
      run !== undefined &&
      parentOf(run) === null &&
      id >= this._floor &&
      matches(run, this._filter, this._now())
    );
  }

  /** Most changes leave the list as it is: only the changed runs are looked at. */
  private _noteRows(): void {
    this._rowVersion += 1;
    const changed = [...this._store.changedRuns].filter(
      id => this._belongs(id) !== this._members.has(id)
    );
    if (changed.length > MANY) {
      this._selectAll();
    } else if (changed.length > 0) {
      this._ids = this._changedIds(changed);
    }
    if (changed.length > 0) {
      this._note();
    } else {
      this._listeners.forEach(listener => listener());
    }
  }

  private _changedIds(changed: readonly string[]): readonly string[] {
    const ids = [...this._ids];
    for (const id of changed) {
      const place = placeIn(ids, id);
      if (this._members.delete(id)) {
        ids.splice(place, 1);
      } else {
        this._members.add(id);
        ids.splice(place, 0, id);
      }
    }
    return ids;
  }

  private _note(): void {
    this._version += 1;
    this._listeners.forEach(listener => listener());
  }

  private _set(state: RunListState): void {
    this._state = state;
    this._note();
  }

  private readonly _leave: () => void;
  private readonly _listeners = new Set<() => void>();
  private _filter: IRunFilter = NO_FILTER;
  private _state: RunListState = { kind: 'loading' };
  private _floor: string = NOTHING;
  private _next: string | null = null;
  private _ids: readonly string[] = [];
  private _members = new Set<string>();
  private _version = 0;
  private _rowVersion = 0;
  private _round = 0;
  private _isReading = false;
}

/** Of more changes than these the list is made again. */
const MANY = 500;
/** Above every id, and below every id. */
const NOTHING = '~';
const ALL = '';
