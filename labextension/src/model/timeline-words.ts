/** A timeline in words: for legends, tool tips, tables and screen readers. */
import { durationText } from './durations';
import { cellWord } from './notebook-cells';
import type { ILane, IMark, MarkKind, SegmentKind, Totals } from './timeline';
import { SEGMENT_KINDS, totalsOf } from './timeline';
import type { ITranslate } from './words';
import { statusWord } from './words';

export function segmentWord(kind: SegmentKind, trans: ITranslate): string {
  switch (kind) {
    case 'working':
      return trans.__('working');
    case 'people':
      return trans.__('waiting for people');
    case 'children':
      return trans.__('waiting for what it started');
    case 'queued':
      return trans.__('queued');
    case 'other':
      return trans.__('waiting for a moment or a decision');
  }
}

export function markWord(kind: MarkKind, trans: ITranslate): string {
  switch (kind) {
    case 'failed':
      return trans.__('failed');
    case 'skipped':
      return trans.__('cell skipped');
    case 'mended':
      return trans.__('cell edited');
    case 'retried':
      return trans.__('cell retried');
    case 'lost':
      return trans.__('worker lost');
  }
}

/** `cell 3 skipped` */
export function markText(mark: IMark, trans: ITranslate): string {
  const { kind, cellNumber } = mark;
  if (cellNumber === null) {
    return markWord(kind, trans);
  }
  switch (kind) {
    case 'failed':
      return trans.__('cell %1 failed', cellNumber);
    case 'skipped':
      return trans.__('cell %1 skipped', cellNumber);
    case 'mended':
      return trans.__('cell %1 edited', cellNumber);
    case 'retried':
      return trans.__('cell %1 retried', cellNumber);
    case 'lost':
      return markWord(kind, trans);
  }
}

export function laneName(lane: ILane, trans: ITranslate): string {
  if (lane.cell === null) {
    return lane.name;
  }
  const cell = trans.__('Cell %1', lane.cell.number ?? '');
  return lane.name === '' ? cell : `${cell}: ${lane.name}`;
}

/** How it belongs to what is above it, if that is not as usual. */
export function tieText(
  { tie }: Pick<ILane, 'tie'>,
  trans: ITranslate
): string {
  switch (tie) {
    case 'started':
      return '';
    case 'adopted':
      return trans.__('taken over from an earlier try');
    case 'away':
      return trans.__('taken over by a later try');
  }
}

/** How it went; of a cell, how that went. */
export function laneState(lane: ILane, trans: ITranslate): string {
  if (lane.cell === null) {
    return statusWord(lane.status, trans);
  }
  return cellWord(lane.cell.status, trans);
}

/** One sentence for a tool tip and a screen reader. */
export function laneSentence(lane: ILane, trans: ITranslate): string {
  const totals = totalsOf(lane.segments);
  return [
    laneName(lane, trans),
    laneState(lane, trans),
    tieText(lane, trans),
    ...SEGMENT_KINDS.filter(kind => totals[kind] >= LEAST_SAID).map(
      kind => `${segmentWord(kind, trans)} ${durationText(totals[kind])}`
    ),
    ...lane.marks
      .filter(mark => mark.kind !== 'failed' || mark.cellNumber !== null)
      .map(mark => markText(mark, trans))
  ]
    .filter(text => text !== '')
    .join(', ');
}

/** Shorter times are not said. Seconds. */
const LEAST_SAID = 0.05;

export function totalText(totals: Totals, kind: SegmentKind): string {
  return totals[kind] >= LEAST_SAID ? durationText(totals[kind]) : '';
}
