/** What people chose to see in the sidebar: kept over a reload. */
import type { IRunFilter } from './filters';
import { AGES, isUnfiltered, NO_FILTER, STATES } from './filters';

export const SECTIONS = ['runs', 'flows', 'inbox'] as const;
export type Section = (typeof SECTIONS)[number];

export interface IViewOptions {
  readonly section: Section;
  readonly filter: IRunFilter;
  readonly isGrouped: boolean;
  /** Whether the choices of the filter are shown. */
  readonly showsFilter: boolean;
  /** Keys of lines of the tree that are open, the last opened last. */
  readonly open: readonly string[];
  /** Whether a person is asked if a run that starts here fails. */
  readonly asksPerson: boolean;
}

export const FIRST_VIEW: IViewOptions = {
  section: 'runs',
  filter: NO_FILTER,
  isGrouped: false,
  showsFilter: false,
  open: [],
  asksPerson: true
};

/** Open lines that are remembered, inclusive. */
const MOST_OPEN = 200;

/** Keeps them; `save` is called after each change. */
export class ViewOptions {
  constructor(private readonly _save: (options: IViewOptions) => void) {}

  readonly get = (): IViewOptions => this._options;

  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  set(change: Partial<IViewOptions>): void {
    this._chosen = { ...this._chosen, ...change };
    this._put({ ...this._options, ...change });
    this._save(this._options);
  }

  /**
   * Take what was saved, where nothing was chosen meanwhile; what is none, or of another
   * version, is left out.
   */
  restore(saved: unknown): void {
    this._put({ ...readView(saved), ...this._chosen });
  }

  toggle(key: string, isOpen: boolean): void {
    const others = this._options.open.filter(other => other !== key);
    const open = isOpen ? [...others, key].slice(-MOST_OPEN) : others;
    this.set({ open });
  }

  private _put(options: IViewOptions): void {
    this._options = options;
    [...this._listeners].forEach(listener => listener());
  }

  private _options: IViewOptions = FIRST_VIEW;
  private _chosen: Partial<IViewOptions> = {};
  private readonly _listeners = new Set<() => void>();
}

function readView(saved: unknown): IViewOptions {
  const values = record(saved);
  const { open, asksPerson } = values;
  return {
    section: oneOf(SECTIONS, values['section'], FIRST_VIEW.section),
    filter: readFilter(record(values['filter'])),
    isGrouped: values['isGrouped'] === true,
    showsFilter: values['showsFilter'] === true,
    open: Array.isArray(open)
      ? open.filter(key => typeof key === 'string')
      : [],
    asksPerson: asksPerson !== false
  };
}

/** The filter with which a list begins stays the same object: the list is not read again. */
function readFilter(values: { readonly [name: string]: unknown }): IRunFilter {
  const { flow } = values;
  const filter: IRunFilter = {
    state: oneOf(STATES, values['state'], 'all'),
    age: oneOf(AGES, values['age'], 'any'),
    flow: typeof flow === 'string' ? flow : null,
    text: ''
  };
  return isUnfiltered(filter) ? NO_FILTER : filter;
}

function record(value: unknown): { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null
    ? (value as { readonly [name: string]: unknown })
    : {};
}

function oneOf<T extends string>(
  values: readonly T[],
  value: unknown,
  otherwise: T
): T {
  return values.find(item => item === value) ?? otherwise;
}
