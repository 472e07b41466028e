/**
 * The runs and messages that this window knows, kept current by changes.
 *
 * A row keeps its identity while it is unchanged, and so does each list: what React compares
 * is equal until something is new. Roots are always kept; what is under them only while
 * somebody looks at it (`keepChildren`, `keepFamily`), so that a window that stays open for
 * days does not grow with every step of every run.
 */
import type {
  ExecutionStatus,
  IChange,
  IExecution,
  IExecutionRow,
  IMessageRow,
  IProgress
} from '../wire';
import { newestFirst, NO_IDS, oldestFirst, SortedIds } from './sorted-ids';

/** A run as lists show it: its row, and how far it is. */
export interface IRun extends IExecutionRow {
  readonly progress: IProgress | null;
  /** The flow that it is about: of a wrapper the one that it runs. */
  readonly flow: string;
}

/**
 * What a listener hears of: which roots there are, any change of a root, one run, which children
 * one has, the messages.
 */
export type Topic =
  'roots' | 'root-rows' | 'messages' | `run:${string}` | `under:${string}`;

/** Roots that are kept, inclusive; the oldest ended ones beyond it are dropped. */
export const MOST_ROOTS = 100_000;

/** Messages that are kept, inclusive, unless more of them wait. */
export const MOST_MESSAGES = 1_000;

/** Columns of the row of a change; the JSON columns of a whole row are dropped from lists. */
const JSON_COLUMNS: ReadonlySet<string> = new Set([
  'inputs',
  'defaults',
  'output',
  'error',
  'environment',
  'wrapped',
  'failure',
  'decision',
  'replaced_inputs',
  'answer_waits',
  'variables'
]);

/** So many levels of runs there are at most, with what was adopted; the engine has 50. */
const DEEPEST = 100;

const NOTHING: ReadonlySet<string> = new Set();
const NO_MESSAGES: readonly IMessageRow[] = Object.freeze([]);

/** The run above it as it is now: who adopted it, or who started it; null: it is a root. */
export function parentOf(row: IExecutionRow): string | null {
  return row.adopted_by ?? row.parent_id;
}

export class RunStore {
  /**
   * @param schedule Calls back when listeners may be told; by default at once. A page
   *   gives one that waits for the next frame, so that many changes are one drawing.
   */
  constructor(
    private readonly _schedule: (tell: () => void) => void = tell => tell()
  ) {}

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
    return this._rootVersion;
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
    return this._structure;
  }

  /** While listeners are told: the runs that changed. */
  get changedRuns(): ReadonlySet<string> {
    return this._changedRuns;
  }

  message(messageId: string): IMessageRow | undefined {
    return this._messages.get(messageId);
  }

  /** Messages that wait for an answer, the oldest first: the badge and the list are this. */
  get openMessages(): readonly IMessageRow[] {
    return this._openMessages;
  }

  /** How many messages wait about it, or about what is under it. */
  openMessagesOf(rootId: string): number {
    return this._openMessages.filter(message => message.root_id === rootId)
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
        this._takeMessage(change.message);
      } else if (change.removed) {
        this._remove(change.removed);
      }
    }
    this._noteEarlyParents();
    this._tellLater();
  }

  /** Take in rows that were read. A row that is older than the one here changes nothing. */
  addRuns(
    rows: Iterable<IExecutionRow>,
    progress: { readonly [executionId: string]: IProgress | undefined } = {}
  ): void {
    for (const row of rows) {
      const known = this._runs.get(row.execution_id);
      const news = progress[row.execution_id] ?? known?.progress ?? null;
      this._takeRun(row, news, row.last_seq);
    }
    this._noteEarlyParents();
    this._tellLater();
  }

  /** What somebody found out: which of these runs have something under them. */
  noteChildren(ids: Iterable<string>, parents: ReadonlySet<string>): void {
    for (const id of ids) {
      // What changes have said is newer than what was read.
      if (this._runs.has(id) && !this._hasChildren.get(id)) {
        this._setHasChildren(id, parents.has(id));
      }
    }
    this._tellLater();
  }

  /**
   * All messages that wait: others that are here wait no more, but for those that came after
   * the list was asked for.
   *
   * @param seq The number of the last change at that time.
   */
  setOpenMessages(rows: readonly IMessageRow[], seq = Infinity): void {
    const ids = new Set(rows.map(row => row.message_id));
    for (const message of this._openMessages) {
      if (!ids.has(message.message_id) && message.last_seq <= seq) {
        this._messages.delete(message.message_id);
      }
    }
    rows.forEach(row => this._takeMessage(row));
    this._sortMessages();
    this._tellLater();
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
    this._tellLater();
  }

  // What is kept, and who hears of it.

  /** Keep the children of a run until the result is called. */
  keepChildren(executionId: string): () => void {
    return this._keep(this._keptParents, executionId);
  }

  /** Keep all of a family until the result is called. */
  keepFamily(rootId: string): () => void {
    return this._keep(this._keptFamilies, rootId);
  }

  /** Call `listener` after each change of one of the topics. The result ends that. */
  subscribe(listener: () => void, ...topics: readonly Topic[]): () => void {
    for (const topic of topics) {
      const listeners = this._listeners.get(topic) ?? new Set();
      this._listeners.set(topic, listeners.add(listener));
    }
    return () => topics.forEach(topic => this._unsubscribe(topic, listener));
  }

  private _unsubscribe(topic: Topic, listener: () => void): void {
    const listeners = this._listeners.get(topic);
    listeners?.delete(listener);
    if (listeners?.size === 0) {
      this._listeners.delete(topic);
    }
  }

  // How rows are taken in.

  private _takeRun(
    row: IExecutionRow,
    progress: IProgress | null,
    seq: number = row.last_seq
  ): void {
    const id = row.execution_id;
    const known = this._runs.get(id);
    const parent = parentOf(row);
    if (parent !== null && this._runs.has(parent)) {
      this._setHasChildren(parent, true);
    } else if (parent !== null) {
      this._earlyParents.add(parent);
    }
    if (known && (this._seqs.get(id) ?? 0) >= seq) {
      return;
    }
    if (!known && !this._isWanted(row)) {
      return;
    }
    if (known && parentOf(known) !== parentOf(row)) {
      this._unlink(known);
    }
    this._runs.set(id, {
      ...lightRow(row),
      progress,
      flow: flowOf(row) ?? known?.flow ?? row.name
    });
    this._seqs.set(id, seq);
    this._stale.delete(id);
    if (parent === null && !isEnded(row.status)) {
      this._activeRoots.add(id);
    } else {
      this._activeRoots.delete(id);
    }
    this._link(row);
    this._touchRun(id);
  }

  private _countEnding(row: IExecutionRow): void {
    const known = this._runs.get(row.execution_id);
    const wasEnded = known !== undefined && isEnded(known.status);
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
      this._touched.add(`under:${executionId}`).add('roots');
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
      this._touched.add('root-rows');
      if (this._roots.add(row.execution_id)) {
        this._touched.add('roots');
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
      this._touched.add(`under:${above}`);
    }
  }

  private _unlink(row: IExecutionRow): void {
    const parent = parentOf(row);
    if (parent === null) {
      this._roots.remove(row.execution_id);
      this._touched.add('roots');
    } else {
      this._children.get(parent)?.remove(row.execution_id);
      this._touched.add(`under:${parent}`);
    }
    if (row.adopted_by !== null && row.parent_id !== null) {
      this._adoptedAway.get(row.parent_id)?.remove(row.execution_id);
      this._touched.add(`under:${row.parent_id}`);
    }
  }

  private _dropOldRoots(): void {
    const oldest = this._roots.last;
    if (this._roots.size > MOST_ROOTS && oldest !== undefined) {
      this._roots.remove(oldest);
      this._forget(oldest);
    }
  }

  private _takeMessage(row: IMessageRow): void {
    const known = this._messages.get(row.message_id);
    if (known && known.last_seq >= row.last_seq) {
      return;
    }
    if (row.status === 'NOTE') {
      return;
    }
    this._messages.set(row.message_id, row);
    if (row.status === 'OPEN' || known?.status === 'OPEN') {
      this._sortMessages();
    }
    this._touched.add('messages');
    this._dropOldMessages();
  }

  /** Those that are over are kept for a while: a list that was read late still has them. */
  private _dropOldMessages(): void {
    if (this._messages.size > MOST_MESSAGES) {
      const old = [...this._messages.values()].find(
        message => message.status !== 'OPEN'
      );
      if (old !== undefined) {
        this._messages.delete(old.message_id);
      }
    }
  }

  private _sortMessages(): void {
    this._openMessages = [...this._messages.values()]
      .filter(message => message.status === 'OPEN')
      .sort((a, b) => oldestFirst(a.message_id, b.message_id));
    this._touched.add('messages');
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
    for (const message of [...this._messages.values()]) {
      if (gone.has(message.execution_id) || gone.has(message.root_id)) {
        this._messages.delete(message.message_id);
      }
    }
    this._sortMessages();
  }

  private _forget(executionId: string): void {
    this._runs.delete(executionId);
    this._seqs.delete(executionId);
    this._activeRoots.delete(executionId);
    this._children.delete(executionId);
    this._adoptedAway.delete(executionId);
    this._hasChildren.delete(executionId);
    this._touchRun(executionId);
  }

  private _keep(kept: Map<string, number>, id: string): () => void {
    kept.set(id, (kept.get(id) ?? 0) + 1);
    let isKept = true;
    return () => {
      if (isKept) {
        isKept = false;
        const count = (kept.get(id) ?? 1) - 1;
        if (count === 0) {
          kept.delete(id);
        } else {
          kept.set(id, count);
        }
        this._dropUnkept();
      }
    };
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
    this._tellLater();
  }

  private _touchRun(executionId: string): void {
    this._touched.add(`run:${executionId}`);
    this._touchedRuns.add(executionId);
  }

  private _tellLater(): void {
    if (this._touched.size > 0 && !this._isTelling) {
      this._isTelling = true;
      this._schedule(() => this._tell());
    }
  }

  private _tell(): void {
    this._isTelling = false;
    const touched = [...this._touched];
    this._changedRuns = this._touchedRuns;
    this._touchedRuns = new Set();
    this._touched.clear();
    if (
      touched.some(topic => topic === 'roots' || topic.startsWith('under:'))
    ) {
      this._structure += 1;
    }
    if (touched.some(topic => topic === 'roots' || topic === 'root-rows')) {
      this._rootVersion += 1;
    }
    const listeners = new Set(
      touched.flatMap(topic => [...(this._listeners.get(topic) ?? [])])
    );
    listeners.forEach(listener => listener());
    this._changedRuns = NOTHING;
  }

  private readonly _runs = new Map<string, IRun>();
  /** The number of the newest change of each run: progress counts, which no row has. */
  private readonly _seqs = new Map<string, number>();
  private readonly _activeRoots = new Set<string>();
  private readonly _children = new Map<string, SortedIds>();
  private readonly _adoptedAway = new Map<string, SortedIds>();
  private readonly _hasChildren = new Map<string, boolean>();
  private readonly _messages = new Map<string, IMessageRow>();
  private readonly _earlyParents = new Set<string>();
  private readonly _keptParents = new Map<string, number>();
  private readonly _keptFamilies = new Map<string, number>();
  private readonly _listeners = new Map<Topic, Set<() => void>>();
  private readonly _touched = new Set<Topic>();
  private _roots = new SortedIds(newestFirst);
  private _openMessages: readonly IMessageRow[] = NO_MESSAGES;
  private _stale = new Set<string>();
  private _touchedRuns = new Set<string>();
  private _changedRuns: ReadonlySet<string> = NOTHING;
  private _structure = 0;
  private _rootVersion = 0;
  private _endings = 0;
  private _isTelling = false;
}

export function isEnded(status: ExecutionStatus): boolean {
  return status.startsWith('ENDED_');
}

/** The row without its JSON columns: a list of 100,000 has no inputs and outputs. */
function lightRow(row: IExecutionRow): IExecutionRow {
  return 'inputs' in row
    ? (Object.fromEntries(
        Object.entries(row).filter(([name]) => !JSON_COLUMNS.has(name))
      ) as unknown as IExecutionRow)
    : row;
}

/** The flow that a row is about; null: the row of a wrapper that does not say it. */
function flowOf(row: IExecutionRow): string | null {
  if (row.type !== 'WRAPPER') {
    return row.flow_name;
  }
  const wrapped = (row as Partial<IExecution>).wrapped;
  const flow = wrapped?.['flow_name'];
  if (typeof flow === 'string') {
    return flow;
  }
  // The engine names it "report (retry)", unless it got a name.
  const tail = ` (${row.flow_name})`;
  return row.name.endsWith(tail) ? row.name.slice(0, -tail.length) : null;
}
