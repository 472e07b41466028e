/**
 * What the runs of a family did when: as lanes of segments with marks.
 *
 * A run works, or waits: in the queue, for a person, for what is under it, or for something else
 * (a moment, the decision of its wrapper). Its events say when that changed; without them, as
 * before they are read, its row says when it was made, started and ended. Moments are
 * milliseconds.
 */
import type { CellRunStatus, ExecutionStatus } from '../wire';
import { momentOf } from './durations';
import type { IFamilyRow } from './family';
import type { IRun } from './store';

export const SEGMENT_KINDS = [
  'working',
  'people',
  'children',
  'queued',
  'other'
] as const;
export type SegmentKind = (typeof SEGMENT_KINDS)[number];

export interface ISegment {
  readonly kind: SegmentKind;
  readonly from: number;
  readonly to: number;
}

export type MarkKind = 'failed' | 'skipped' | 'mended' | 'retried' | 'lost';

/** Something that happened at a moment. */
export interface IMark {
  readonly kind: MarkKind;
  readonly at: number;
  /** As its author counts; null: it is about no cell, or the cell is not known. */
  readonly cellNumber: number | null;
}

export interface ILane {
  /** Stands for this lane, and for no other. */
  readonly key: string;
  /** The run that it belongs to. */
  readonly executionId: string;
  readonly name: string;
  /** From 1. */
  readonly level: number;
  readonly tie: IFamilyRow['tie'];
  /** Neither it nor anything above it was taken over from an earlier try. */
  readonly isOwn: boolean;
  readonly status: ExecutionStatus;
  /** Of a lane that is a cell. */
  readonly cell: ICell | null;
  /** The earlier first; they do not overlap. */
  readonly segments: readonly ISegment[];
  readonly marks: readonly IMark[];
}

export type MoveKind =
  | 'created'
  | 'queued'
  | 'started'
  | 'waiting'
  | 'resumed'
  | 'paused'
  | 'lost'
  | 'failed'
  | 'decided'
  /** Since then it waits for a person; or no longer. */
  | 'asked'
  | 'unasked'
  | 'message_answered'
  | 'message_closed'
  | 'ended';

/** An event that changed what a run does. */
export interface IMove {
  readonly kind: MoveKind;
  readonly at: number;
  /** The message that it waits for, or that was answered. */
  readonly messageId: string | null;
  /** Of `created` and `ended`: the status; of `decided`: what was decided. */
  readonly word: string | null;
  /** Of `decided`: the cell, and whether its source was edited. */
  readonly cellId: string | null;
  readonly isEdited: boolean;
}

/** One carrying out of a cell. */
export interface ICell {
  readonly cellId: string;
  readonly index: number;
  readonly number: number | null;
  readonly firstLine: string | null;
  readonly status: CellRunStatus;
  readonly from: number;
  /** Null: it has not ended. */
  readonly to: number | null;
}

/** What was read of one run beside its row. */
export interface IHistory {
  /** In their order. */
  readonly moves: readonly IMove[];
  readonly cells: readonly ICell[];
}

const NO_HISTORY: IHistory = { moves: [], cells: [] };

/** Runs that are drawn without being asked for, inclusive. */
export const MOST_LANES = 500;

/**
 * Makes the lanes of a family, in the order of its rows, again and again: that of a run which
 * has ended is the same until it changes.
 */
export class Lanes {
  of(
    rows: readonly IFamilyRow[],
    histories: ReadonlyMap<string, IHistory>,
    now: number
  ): readonly ILane[] {
    const lives = livesUnder(rows);
    const earlier = takenOver(rows);
    const entries = this._known;
    this._known = new Map();
    return rows.map(row => {
      const id = row.run.execution_id;
      const history = histories.get(id) ?? NO_HISTORY;
      const before = entries.get(id);
      const isSame =
        before !== undefined &&
        before.history === history &&
        isSameRow(before.row, row) &&
        row.run.ended_at !== null;
      const entry = isSame
        ? before
        : { row, history, lane: laneOf(row, history, now, lives, earlier) };
      this._known.set(id, entry);
      return entry.lane;
    });
  }

  private _known = new Map<
    string,
    {
      readonly row: IFamilyRow;
      readonly history: IHistory;
      readonly lane: ILane;
    }
  >();
}

function isSameRow(a: IFamilyRow, b: IFamilyRow): boolean {
  return a.run === b.run && a.above === b.above && a.tie === b.tie;
}

function laneOf(
  { run, level, tie }: IFamilyRow,
  history: IHistory,
  now: number,
  lives: ReadonlyMap<string, readonly ISpan[]>,
  earlier: ReadonlySet<string>
): ILane {
  const { execution_id: id, name, status } = run;
  const segments = segmentsOf(run, history.moves, now, lives.get(id));
  const marks = marksOf(run, history);
  const lane = { executionId: id, name, level, tie, status, cell: null };
  return { ...lane, key: id, isOwn: !earlier.has(id), segments, marks };
}

/** What was taken over from an earlier try, with all under it. */
function takenOver(rows: readonly IFamilyRow[]): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { run, above, tie } of rows) {
    if (tie === 'adopted' || ids.has(above ?? '')) {
      ids.add(run.execution_id);
    }
  }
  return ids;
}

/** When something was under each run: from its start to its end. */
function livesUnder(
  rows: readonly IFamilyRow[]
): ReadonlyMap<string, readonly ISpan[]> {
  const lives = new Map<string, ISpan[]>();
  for (const { run, above } of rows) {
    const from = momentOf(run.created_at);
    if (above !== null && from !== null) {
      const to = momentOf(run.ended_at) ?? Infinity;
      const spans = lives.get(above) ?? [];
      spans.push({ from, to });
      lives.set(above, spans);
    }
  }
  return lives;
}

export interface ISpan {
  readonly from: number;
  readonly to: number;
}

/** What a run did, from its start to its end, or until `now`. */
export function segmentsOf(
  run: IRun,
  moves: readonly IMove[],
  now: number,
  under: readonly ISpan[] = []
): readonly ISegment[] {
  const end = momentOf(run.ended_at) ?? now;
  const steps = moves.length > 0 ? stepsOf(moves) : rowSteps(run);
  return steps.flatMap(({ kind, at }, place) => {
    const to = Math.min(steps[place + 1]?.at ?? end, end);
    if (kind === null || to <= at) {
      return [];
    }
    const isForOthers = kind === 'waiting';
    const waitsFor = isForOthers ? waitKind({ from: at, to }, under) : kind;
    return [{ kind: waitsFor, from: at, to }];
  });
}

/** From a moment on; `waiting`: for children, or something else. Null: nothing is under way. */
interface IStep {
  readonly kind: SegmentKind | 'waiting' | null;
  readonly at: number;
}

function waitKind(wait: ISpan, under: readonly ISpan[]): SegmentKind {
  const isForChildren = under.some(
    ({ from, to }) => from < wait.to && to > wait.from
  );
  return isForChildren ? 'children' : 'other';
}

/** What is known without events. */
function rowSteps(run: IRun): readonly IStep[] {
  const created = momentOf(run.created_at);
  const started = momentOf(run.started_at);
  const askedAt = momentOf(run.asked_at);
  const steps: IStep[] = [];
  if (created !== null && run.status !== 'PENDING') {
    steps.push({ kind: 'queued', at: created });
  }
  if (started !== null) {
    steps.push({ kind: 'working', at: started });
  }
  if (askedAt !== null && run.ended_at === null) {
    steps.push({ kind: 'people', at: askedAt });
  }
  return steps;
}

function stepsOf(moves: readonly IMove[]): readonly IStep[] {
  const steps: IStep[] = [];
  let messageId: string | null = null;
  for (const move of moves) {
    const last = steps[steps.length - 1]?.kind ?? null;
    const kind = stepAfter(move, last, messageId);
    messageId = move.kind === 'waiting' ? move.messageId : messageId;
    if (kind !== last) {
      // Moments come from the clocks of several processes.
      const at = Math.max(move.at, steps[steps.length - 1]?.at ?? move.at);
      steps.push({ kind, at });
    }
  }
  return steps;
}

function stepAfter(
  move: IMove,
  last: IStep['kind'],
  messageId: string | null
): IStep['kind'] {
  switch (move.kind) {
    case 'created':
      return move.word === 'QUEUED' ? 'queued' : null;
    case 'queued':
    case 'lost':
      return 'queued';
    case 'started':
    case 'resumed':
      return 'working';
    case 'waiting':
      return move.messageId === null ? 'waiting' : 'people';
    case 'paused':
    case 'asked':
      return last === null ? null : 'people';
    case 'failed':
      return 'other';
    case 'unasked':
      return last === 'people' ? 'other' : last;
    case 'decided':
      return last === 'people' || last === 'other' ? 'queued' : last;
    case 'message_answered':
    case 'message_closed':
      return last === 'people' && move.messageId === messageId
        ? 'queued'
        : last;
    case 'ended':
      return null;
  }
}

/** What people did with its cells, and where it failed or lost its worker. */
function marksOf(run: IRun, { moves, cells }: IHistory): readonly IMark[] {
  const numbers = new Map(cells.map(cell => [cell.cellId, cell.number]));
  const marks = moves.flatMap((move): IMark[] => {
    const cellNumber = numbers.get(move.cellId ?? '') ?? null;
    const kind = markKind(move);
    return kind === null ? [] : [{ kind, at: move.at, cellNumber }];
  });
  const end = momentOf(run.ended_at);
  const isFailed = run.status === 'ENDED_ERROR' && end !== null;
  const isMarked = marks.some(mark => mark.kind === 'failed');
  return isFailed && !isMarked
    ? [...marks, { kind: 'failed', at: end, cellNumber: failedCell(cells) }]
    : marks;
}

function markKind(move: IMove): MarkKind | null {
  switch (move.kind) {
    case 'failed':
    case 'lost':
      return move.kind;
    case 'ended':
      return null;
    case 'decided':
      return move.word === 'skip'
        ? 'skipped'
        : move.word === 'retry_cell'
          ? move.isEdited
            ? 'mended'
            : 'retried'
          : null;
    default:
      return null;
  }
}

function failedCell(cells: readonly ICell[]): number | null {
  const failed = cells.filter(cell => FAILED_CELLS.has(cell.status));
  return failed[failed.length - 1]?.number ?? null;
}

const FAILED_CELLS: ReadonlySet<CellRunStatus> = new Set([
  'ERROR',
  'TIMED_OUT',
  'KERNEL_DIED',
  'INTERRUPTED',
  'LOST'
]);

/**
 * The cells of a run as lanes: a cell that ran again has one lane with both, and so has one that
 * its author counts once, as a handler with the line that calls it.
 */
export function cellLanesOf(
  lane: ILane,
  cells: readonly ICell[],
  now: number
): readonly ILane[] {
  const byNumber = new Map<number, ICell[]>();
  for (const cell of cells) {
    if (cell.number !== null) {
      const runs = byNumber.get(cell.number) ?? [];
      runs.push(cell);
      byNumber.set(cell.number, runs);
    }
  }
  return [...byNumber.values()]
    .sort(([a], [b]) => a!.index - b!.index)
    .map(runs => cellLane(lane, runs, now));
}

function cellLane(lane: ILane, runs: readonly ICell[], now: number): ILane {
  const cell = runs[runs.length - 1]!;
  const segments = runs.flatMap(({ from, to }) =>
    clipped(lane.segments, { from, to: to ?? now })
  );
  const failures = runs
    .filter(run => FAILED_CELLS.has(run.status))
    .map(run => ({
      kind: 'failed' as const,
      at: run.to ?? run.from,
      cellNumber: run.number
    }));
  const decisions = lane.marks.filter(
    mark => mark.cellNumber === cell.number && mark.kind !== 'failed'
  );
  return {
    ...lane,
    key: `${lane.key}/${cell.number}`,
    name: runs[0]!.firstLine ?? '',
    level: lane.level + 1,
    tie: 'started',
    cell,
    segments,
    marks: [...failures, ...decisions]
  };
}

/** What of the segments is in the span. */
export function clipped(
  segments: readonly ISegment[],
  span: ISpan
): readonly ISegment[] {
  return segments
    .map(segment => ({
      ...segment,
      from: Math.max(segment.from, span.from),
      to: Math.min(segment.to, span.to)
    }))
    .filter(({ from, to }) => to > from);
}

export type Totals = { readonly [kind in SegmentKind]: number };

/** How long it did each of them, in seconds. */
export function totalsOf(segments: readonly ISegment[]): Totals {
  const totals = { working: 0, people: 0, children: 0, queued: 0, other: 0 };
  for (const { kind, from, to } of segments) {
    totals[kind] += (to - from) / 1000;
  }
  return totals;
}

/** From the first to the last moment of all lanes; what is under way ends `now`. */
export function wholeSpan(lanes: readonly ILane[], now: number): ISpan {
  let [from, to] = [Infinity, -Infinity];
  for (const { segments, marks } of lanes) {
    from = Math.min(from, segments[0]?.from ?? from, marks[0]?.at ?? from);
    to = Math.max(to, segments[segments.length - 1]?.to ?? to);
    to = Math.max(to, marks[marks.length - 1]?.at ?? to);
  }
  return from <= to
    ? { from, to: Math.max(to, from + 1) }
    : { from: now, to: now + 1 };
}
