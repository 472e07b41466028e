/** Who hears of which changes: many of them at once are one notification. */

/**
 * What a listener hears of: which roots there are, any change of a root, one run, which children
 * one has, the messages.
 */
export type Topic =
  'roots' | 'root-rows' | 'messages' | `run:${string}` | `under:${string}`;

/** Calls `notify` when listeners may be notified. */
export type Schedule = (notify: () => void) => void;

const NO_RUNS: ReadonlySet<string> = new Set();

export class Topics {
  constructor(private readonly _schedule: Schedule = notify => notify()) {}

  /** A number that grows when listeners hear of any change of a root. */
  get rootVersion(): number {
    return this._rootVersion;
  }

  /** A number that grows when they hear which runs there are, or what is under what. */
  get structure(): number {
    return this._structure;
  }

  /** While listeners are notified: the runs that changed. */
  get changedRuns(): ReadonlySet<string> {
    return this._changedRuns;
  }

  /** Call `listener` after each change of one of the topics. The result ends that. */
  subscribe(listener: () => void, ...topics: readonly Topic[]): () => void {
    for (const topic of topics) {
      const listeners = this._listeners.get(topic) ?? new Set();
      this._listeners.set(topic, listeners.add(listener));
    }
    return () => topics.forEach(topic => this._unsubscribe(topic, listener));
  }

  /** Something of these topics changed. */
  touch(...topics: readonly Topic[]): void {
    topics.forEach(topic => this._touched.add(topic));
  }

  touchRun(executionId: string): void {
    this.touch(`run:${executionId}`);
    this._touchedRuns.add(executionId);
  }

  /** Notify listeners of what changed, when that is due. */
  notifyLater(): void {
    if (this._touched.size > 0 && !this._isDue) {
      this._isDue = true;
      this._schedule(() => this._notify());
    }
  }

  private _unsubscribe(topic: Topic, listener: () => void): void {
    const listeners = this._listeners.get(topic);
    listeners?.delete(listener);
    if (listeners?.size === 0) {
      this._listeners.delete(topic);
    }
  }

  private _notify(): void {
    this._isDue = false;
    const topics = [...this._touched];
    this._changedRuns = this._touchedRuns;
    this._touchedRuns = new Set();
    this._touched.clear();
    if (topics.some(topic => topic === 'roots' || topic.startsWith('under:'))) {
      this._structure += 1;
    }
    if (topics.some(topic => topic === 'roots' || topic === 'root-rows')) {
      this._rootVersion += 1;
    }
    const listeners = new Set(
      topics.flatMap(topic => [...(this._listeners.get(topic) ?? [])])
    );
    listeners.forEach(listener => listener());
    this._changedRuns = NO_RUNS;
  }

  private readonly _listeners = new Map<Topic, Set<() => void>>();
  private readonly _touched = new Set<Topic>();
  private _touchedRuns = new Set<string>();
  private _changedRuns: ReadonlySet<string> = NO_RUNS;
  private _structure = 0;
  private _rootVersion = 0;
  private _isDue = false;
}
