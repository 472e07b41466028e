/** A run and everything under it, as rows from top to bottom, kept current by the store. */
import type { IRun, RunStore, Topic } from './store';
import { parentOf } from './store';
import { chainOf, lastOf } from './subject';

export interface IFamilyRow {
  readonly run: IRun;
  /** From 1: the run of the page. */
  readonly level: number;
  /** The run above it here; null: it is the run of the page. */
  readonly above: string | null;
  /**
   * How it belongs to the run above it: who started it has it, or another one has adopted it
   * since (`away`), or the run above has adopted it.
   */
  readonly tie: 'started' | 'adopted' | 'away';
}

export class FamilyView {
  constructor(
    private readonly _store: RunStore,
    private readonly _topId: string
  ) {}

  /** The same list until one of the runs changes. Empty: the run is not known yet. */
  readonly rows = (): readonly IFamilyRow[] => {
    if (this._leave === null) {
      this._take(); // Nobody is told of changes: what is here may be old.
    }
    return this._rows;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    if (this._leave === null) {
      this._follow();
    }
    return () => {
      this._listeners.delete(listener);
      if (this._listeners.size === 0) {
        this._leave?.();
        this._leave = null;
      }
    };
  };

  private _follow(): void {
    this._take();
    const topics = topicsOf(this._topId, this._rows);
    this._leave = this._store.subscribe(this._note, ...topics);
  }

  private readonly _note = (): void => {
    const count = this._rows.length;
    const before = this._rows;
    this._take();
    const isSame =
      count === this._rows.length &&
      this._rows.every((row, i) => idOf(row) === idOf(before[i]!));
    if (!isSame) {
      this._leave?.();
      const topics = topicsOf(this._topId, this._rows);
      this._leave = this._store.subscribe(this._note, ...topics);
    }
    [...this._listeners].forEach(listener => listener());
  };

  private _take(): void {
    const rows = familyOf(this._store, this._topId);
    const isSame =
      rows.length === this._rows.length &&
      rows.every((row, i) => isEqual(row, this._rows[i]!));
    this._rows = isSame ? this._rows : rows;
  }

  private _rows: readonly IFamilyRow[] = [];
  private _leave: (() => void) | null = null;
  private readonly _listeners = new Set<() => void>();
}

/** The rows of a run and of all under it that the store has, each run once. */
export function familyOf(
  store: RunStore,
  topId: string
): readonly IFamilyRow[] {
  const own = idsUnder(store, topId);
  const rows: IFamilyRow[] = [];
  const seen = new Set<string>();
  const add = (id: string, level: number, above: string | null): void => {
    const run = store.run(id);
    if (run === undefined || seen.has(id)) {
      return;
    }
    seen.add(id);
    rows.push({ run, level, above, tie: tieOf(run, above) });
    const away = store.adoptedAwayFrom(id).filter(child => !own.has(child));
    const children = store.childrenOf(id);
    const all = away.length > 0 ? [...children, ...away].sort() : children;
    all.forEach(child => add(child, level + 1, id));
  };
  add(topId, 1, null);
  return rows;
}

/** Of a wrapper what it runs, as far as the store has it; null: it is none, or not known. */
export function knownSubject(store: RunStore, run: IRun): IRun | null {
  const chain = [run];
  for (let at: IRun | undefined = run; at?.type === 'WRAPPER';) {
    const children: readonly IRun[] = store
      .childrenOf(at.execution_id)
      .flatMap(id => store.run(id) ?? []);
    at = chainOf(at, children)[1];
    if (at !== undefined) {
      chain.push(at);
    }
  }
  return chain.length === 1 ? null : lastOf(chain);
}

/** A line of the tree of what is under a run. */
export interface IFamilyLine {
  /** The id of the run. */
  readonly key: string;
  readonly name: string;
  readonly tie: IFamilyRow['tie'];
  /** From 1. */
  readonly level: number;
  /** Its place among those beside it, from 1, and how many they are. */
  readonly place: number;
  readonly siblings: number;
  /** Null: nothing is under it. */
  readonly isOpen: boolean | null;
}

/** The lines under the run of the page, without those that are under a closed one. */
export function familyLines(
  rows: readonly IFamilyRow[],
  isOpen: (id: string) => boolean
): readonly IFamilyLine[] {
  const siblings = new Map<string | null, number>();
  for (const { above } of rows) {
    siblings.set(above, (siblings.get(above) ?? 0) + 1);
  }
  const places = new Map<string | null, number>();
  const visibleIds = new Set<string | null>([
    rows[0]?.run.execution_id ?? null
  ]);
  return rows.slice(1).flatMap(({ run, level, above, tie }) => {
    const { execution_id: key, name } = run;
    const place = (places.get(above) ?? 0) + 1;
    places.set(above, place);
    if (!visibleIds.has(above)) {
      return [];
    }
    const canOpen = siblings.has(key);
    if (canOpen && isOpen(key)) {
      visibleIds.add(key);
    }
    const beside = { place, siblings: siblings.get(above) ?? 1 };
    const open = canOpen ? isOpen(key) : null;
    return [{ key, name, tie, level: level - 1, ...beside, isOpen: open }];
  });
}

/** What is under it now, itself included. */
function idsUnder(store: RunStore, topId: string): ReadonlySet<string> {
  const ids = new Set([topId]);
  for (const id of ids) {
    store.childrenOf(id).forEach(child => ids.add(child));
  }
  return ids;
}

function tieOf(run: IRun, above: string | null): IFamilyRow['tie'] {
  if (above === null || above === run.parent_id) {
    return above === null || parentOf(run) === above ? 'started' : 'away';
  }
  return 'adopted';
}

function topicsOf(
  topId: string,
  rows: readonly IFamilyRow[]
): readonly Topic[] {
  const ids = rows.length === 0 ? [topId] : rows.map(idOf);
  return ids.flatMap(id => [`run:${id}`, `under:${id}`] as const);
}

function idOf(row: IFamilyRow): string {
  return row.run.execution_id;
}

function isEqual(a: IFamilyRow, b: IFamilyRow): boolean {
  return a.run === b.run && a.above === b.above && a.tie === b.tie;
}
