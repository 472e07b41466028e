/** Ids in the order in which they were made: they begin with their time. */

export const NO_IDS: readonly string[] = Object.freeze([]);

/** Ids begin with their time, so they sort in the order in which they were made. */
export function oldestFirst(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function newestFirst(a: string, b: string): number {
  return oldestFirst(b, a);
}

/** Where an id is in a sorted list, or would be. */
export function placeIn(
  ids: readonly string[],
  id: string,
  compare: (a: string, b: string) => number = newestFirst
): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(ids[middle]!, id) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** A sorted list of ids that grows in place; its view is equal until it changes. */
export class SortedIds {
  constructor(private readonly _compare: (a: string, b: string) => number) {}

  get view(): readonly string[] {
    return (this._view ??= this._ids.length === 0 ? NO_IDS : [...this._ids]);
  }

  get size(): number {
    return this._ids.length;
  }

  get last(): string | undefined {
    return this._ids[this._ids.length - 1];
  }

  /** Whether it was not there. */
  add(id: string): boolean {
    const place = this._place(id);
    if (this._ids[place] === id) {
      return false;
    }
    this._ids.splice(place, 0, id);
    this._view = null;
    return true;
  }

  remove(id: string): void {
    const place = this._place(id);
    if (this._ids[place] === id) {
      this._ids.splice(place, 1);
      this._view = null;
    }
  }

  private _place(id: string): number {
    return placeIn(this._ids, id, this._compare);
  }

  private readonly _ids: string[] = [];
  private _view: readonly string[] | null = null;
}
