/**
 * The runs and messages that this window knows, kept current by changes.
 *
 * A row keeps its identity while it is unchanged, and so does each list: what React compares
 * is equal until something is new. Roots are always kept; what is under them only while
 * somebody looks at it (`keepChildren`, `keepFamily`), so that a window that stays open for
 * days does not grow with every step of every run.
 */
import type { IChange, IExecutionRow, IMessageRow, IProgress } from '../wire';
import { KeptIds } from './kept-ids';
import { MessageList } from './message-list';
import type { IRun } from './run-row';
import { flowOf, isEnded, lightRow, parentOf } from './run-row';
import { newestFirst, NO_IDS, oldestFirst, SortedIds } from './sorted-ids';
import type { Schedule, Topic } from './topics';
import { Topics } from './topics';

export type { IRun } from './run-row';
export { isEnded, parentOf } from './run-row';
export type { Topic } from './topics';

/** Roots that are kept, inclusive; the oldest ended ones beyond it are dropped. */
export const MOST_ROOTS = 100_000;

/** So many levels of runs there are at most, with what was adopted; the engine has 50. */
const DEEPEST = 100;

export class RunStore {
  /**
   * @param schedule Calls back when listeners may be notified; by default at once. A page
   *   gives one that waits for the next frame, so that many changes are one drawing.
   */
  constructor(schedule?: Schedule) {
    this._topics = new Topics(schedule);
    this._messages = new MessageList(() => this._topics.touch('messages'));
  }

  // What is known.

  run(executionId: string): IRun | undefined {
    return this._runs.get(executionId);
  }

  /** Ids of the roots, the newest first. */
  get roots(): readonly string[] {
    return this._roots.view;
  }

  /** How many roots have not ended. */
  get activeRoots(): number {
    return this._activeRoots.size;
  }

  /** Their ids, the newest first. */
  activeRootIds(): readonly string[] {
    return [...this._activeRoots].sort(newestFirst);
  }

  /** A number that grows when listeners hear of any change of a root. */
  get rootVersion(): number {
    return this._topics.rootVersion;
  }

  /** A number that grows when changes say that a root ended, or that runs were deleted. */
  get endings(): number {
    return this._endings;
  }

  /** Ids of what is under it, in the order in which it was started. */
  childrenOf(executionId: string): readonly string[] {
    return this._children.get(executionId)?.view ?? NO_IDS;
  }

  /** Ids of what it started and another run has adopted since, in that order. */
  adoptedAwayFrom(executionId: string): readonly string[] {
    return this._adoptedAway.get(executionId)?.view ?? NO_IDS;
  }

  /** Whether something is under it; undefined: nobody has looked yet. */
  hasChildren(executionId: string): boolean | undefined {
    return this._hasChildren.get(executionId);
  }

  /** A number that grows when it changes which runs there are, or what is under what. */
  get structure(): number {
    return this._topics.structure;
  }

  /** While listeners are notified: the runs that changed. */
  get changedRuns(): ReadonlySet<string> {
    return this._topics.changedRuns;
  }

  message(messageId: string): IMessageRow | undefined {
    return this._messages.get(messageId);
  }

  /** Messages that wait for an answer, the oldest first: the badge and the list are this. */
  get openMessages(): readonly IMessageRow[] {
    return this._messages.open;
  }

  /** How many messages wait about it, or about what is under it. */
  openMessagesOf(rootId: string): number {
    return this._messages.open.filter(message => message.root_id === rootId)
      .length;
  }

  // What comes in.

  /** Take in what changed, in its order. */
  apply(changes: Iterable<IChange>): void {
    for (const change of changes) {
      if (change.execution) {
        this._countEnding(change.execution);
        this._takeRun(change.execution, change.progress ?? null, change.seq);
      } else if (change.message) {
        this._messages.take(change.message);
      } else if (change.removed) {
        this._remove(change.removed);
      }
    }
    this._noteEarlyParents();
    this._topics.notifyLater();
  }

  /** Take in rows that were read. A row that is older than the one here changes nothing. */
  addRuns(
    rows: Iterable<IExecutionRow>,
    progress: { readonly [executionId: string]: IProgress | undefined } = {}
  ): void {
    for (const row of rows) {
      const current = this._runs.get(row.execution_id);
      const news = progress[row.execution_id] ?? current?.progress ?? null;
      this._takeRun(row, news, row.last_seq);
    }
    this._noteEarlyParents();
    this._topics.notifyLater();
  }

  /** What somebody found out: which of these runs have something under them. */
  noteChildren(ids: Iterable<string>, parents: ReadonlySet<string>): void {
    for (const id of ids) {
      // What changes have said is newer than what was read.
      if (this._runs.has(id) && !this._hasChildren.get(id)) {
        this._setHasChildren(id, parents.has(id));
      }
    }
    this._topics.notifyLater();
  }

  /**
   * All messages that wait: others that are here wait no more, but for those that came after
   * the list was asked for.
   *
   * @param seq The number of the last change at that time.
   */
  setOpenMessages(rows: readonly IMessageRow[], seq = Infinity): void {
    this._messages.setOpen(rows, seq);
    this._topics.notifyLater();
  }

  /**
   * What is here may be incomplete: from now on it is only kept until it is read again, so
   * that nothing vanishes from a page meanwhile. `endAgain` removes what was not.
   */
  beginAgain(): void {
    this._seqs.clear();
    this._stale = new Set(this._runs.keys());
  }

  /** All was read again: remove what was not among it. */
  endAgain(): void {
    for (const id of this._stale) {
      const run = this._runs.get(id);
      if (run !== undefined) {
        this._unlink(run);
        this._forget(id);
      }
    }
    this._stale.clear();
    this._topics.notifyLater();
  }

  // What is kept, and who hears of it.

  /** Keep the children of a run until the result is called. */
  keepChildren(executionId: string): () => void {
    return this._keptParents.keep(executionId);
  }

  /** Keep all of a family until the result is called. */
  keepFamily(rootId: string): () => void {
    return this._keptFamilies.keep(rootId);
  }

  /** Call `listener` after each change of one of the topics. The result ends that. */
  subscribe(listener: () => void, ...topics: readonly Topic[]): () => void {
    return this._topics.subscribe(listener, ...topics);
  }

  // How rows are taken in.

  private _takeRun(
    row: IExecutionRow,
    progress: IProgress | null,
    seq: number = row.last_seq
  ): void {
    const id = row.execution_id;
    const current = this._runs.get(id);
    this._noteParent(parentOf(row));
    if (current && (this._seqs.get(id) ?? 0) >= seq) {
      return;
    }
    if (!current && !this._isWanted(row)) {
      return;
    }
    if (current && parentOf(current) !== parentOf(row)) {
      this._unlink(current);
    }
    this._runs.set(id, {
      ...lightRow(row),
      progress,
      flow: flowOf(row) ?? current?.flow ?? row.name
    });
    this._seqs.set(id, seq);
    this._stale.delete(id);
    if (parentOf(row) === null && !isEnded(row.status)) {
      this._activeRoots.add(id);
    } else {
      this._activeRoots.delete(id);
    }
    this._link(row);
    this._topics.touchRun(id);
  }

  private _noteParent(parent: string | null): void {
    if (parent !== null && this._runs.has(parent)) {
      this._setHasChildren(parent, true);
    } else if (parent !== null) {
      this._earlyParents.add(parent);
    }
  }

  private _countEnding(row: IExecutionRow): void {
    const current = this._runs.get(row.execution_id);
    const wasEnded = current !== undefined && isEnded(current.status);
    if (parentOf(row) === null && isEnded(row.status) && !wasEnded) {
      this._endings += 1;
    }
  }

  /** A row comes with its last change: a short run may come before what it is under. */
  private _noteEarlyParents(): void {
    for (const parent of this._earlyParents) {
      if (this._runs.has(parent)) {
        this._setHasChildren(parent, true);
      }
    }
    this._earlyParents.clear();
  }

  private _setHasChildren(executionId: string, hasChildren: boolean): void {
    if (this._hasChildren.get(executionId) !== hasChildren) {
      this._hasChildren.set(executionId, hasChildren);
      this._topics.touch(`under:${executionId}`, 'roots');
    }
  }

  private _isWanted(row: IExecutionRow): boolean {
    const parent = parentOf(row);
    return (
      parent === null ||
      this._keptParents.has(parent) ||
      this._isInKeptFamily(row)
    );
  }

  /** Its record is in a family that is kept, or something above it was adopted by one. */
  private _isInKeptFamily(row: IExecutionRow): boolean {
    let above: IExecutionRow | undefined = row;
    for (let level = 0; above !== undefined && level < DEEPEST; level += 1) {
      if (this._keptFamilies.has(above.root_id)) {
        return true;
      }
      above = this._runs.get(parentOf(above) ?? '');
    }
    return false;
  }

  /** Put it into the list of roots, or of its parent, unless it is there. */
  private _link(row: IExecutionRow): void {
    const parent = parentOf(row);
    if (parent === null) {
      this._topics.touch('root-rows');
      if (this._roots.add(row.execution_id)) {
        this._topics.touch('roots');
        this._dropOldRoots();
      }
      return;
    }
    this._linkUnder(this._children, parent, row.execution_id);
    if (row.adopted_by !== null && row.parent_id !== null) {
      this._linkUnder(this._adoptedAway, row.parent_id, row.execution_id);
    }
  }

  private _linkUnder(
    links: Map<string, SortedIds>,
    above: string,
    executionId: string
  ): void {
    const siblings = links.get(above) ?? new SortedIds(oldestFirst);
    links.set(above, siblings);
    if (siblings.add(executionId)) {
      this._topics.touch(`under:${above}`);
    }
  }

  private _unlink(row: IExecutionRow): void {
    const parent = parentOf(row);
    if (parent === null) {
      this._roots.remove(row.execution_id);
      this._topics.touch('roots');
    } else {
      this._children.get(parent)?.remove(row.execution_id);
      this._topics.touch(`under:${parent}`);
    }
    if (row.adopted_by !== null && row.parent_id !== null) {
      this._adoptedAway.get(row.parent_id)?.remove(row.execution_id);
      this._topics.touch(`under:${row.parent_id}`);
    }
  }

  private _dropOldRoots(): void {
    const oldest = this._roots.last;
    if (this._roots.size > MOST_ROOTS && oldest !== undefined) {
      this._roots.remove(oldest);
      this._forget(oldest);
    }
  }

  private _remove(ids: readonly string[]): void {
    const gone = new Set(ids);
    for (const run of [...this._runs.values()]) {
      if (gone.has(run.execution_id) || gone.has(run.root_id)) {
        this._endings += 1;
        this._unlink(run);
        this._forget(run.execution_id);
      }
    }
    this._messages.removeOf(gone);
  }

  private _forget(executionId: string): void {
    this._runs.delete(executionId);
    this._seqs.delete(executionId);
    this._activeRoots.delete(executionId);
    this._children.delete(executionId);
    this._adoptedAway.delete(executionId);
    this._hasChildren.delete(executionId);
    this._topics.touchRun(executionId);
  }

  /** Forget what is under roots and nobody looks at any more. */
  private _dropUnkept(): void {
    for (const run of [...this._runs.values()]) {
      const parent = parentOf(run);
      if (parent !== null && !this._isWanted(run)) {
        this._unlink(run);
        this._forget(run.execution_id);
      }
    }
    this._topics.notifyLater();
  }

  private readonly _topics: Topics;
  private readonly _messages: MessageList;
  private readonly _runs = new Map<string, IRun>();
  /** The number of the newest change of each run: progress counts, which no row has. */
  private readonly _seqs = new Map<string, number>();
  private readonly _activeRoots = new Set<string>();
  private readonly _children = new Map<string, SortedIds>();
  private readonly _adoptedAway = new Map<string, SortedIds>();
  private readonly _hasChildren = new Map<string, boolean>();
  private readonly _earlyParents = new Set<string>();
  private readonly _keptParents = new KeptIds(() => this._dropUnkept());
  private readonly _keptFamilies = new KeptIds(() => this._dropUnkept());
  private _roots = new SortedIds(newestFirst);
  private _stale = new Set<string>();
  private _endings = 0;
}
