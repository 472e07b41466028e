/** The part of the time that a timeline shows: zoom, and the ticks of its axis. Milliseconds. */
import type { ISpan } from './timeline';

/** Less than this is never shown. */
const NARROWEST = 20;
/** Bars are at least so wide, in pixels, so that what was short can be seen. */
const THINNEST = 2;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** What is between two ticks. */
const STEPS: readonly number[] = [
  ...[10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map(count => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map(count => count * MINUTE),
  ...[1, 2, 3, 6, 12].map(count => count * HOUR),
  ...[1, 2, 7, 14, 28, 91, 364].map(count => count * DAY)
];

/**
 * The window after a zoom; null: all is in it.
 *
 * @param factor Below 1: closer.
 * @param at What stays where it is.
 */
export function zoomed(
  window: ISpan | null,
  whole: ISpan,
  factor: number,
  at: number
): ISpan | null {
  const { from, to } = window ?? whole;
  const width = Math.max(NARROWEST, (to - from) * factor);
  if (width >= whole.to - whole.from) {
    return null;
  }
  const share = (clamped(at, from, to) - from) / (to - from);
  return inside(at - share * width, width, whole);
}

/** The window after a move by a part of its width; below 0: to what was before. */
export function panned(
  window: ISpan | null,
  whole: ISpan,
  share: number
): ISpan | null {
  if (window === null) {
    return null;
  }
  const width = window.to - window.from;
  return inside(window.from + share * width, width, whole);
}

/** The window around a span, with some room beside it; null: all is in it. */
export function windowAround(span: ISpan, whole: ISpan): ISpan | null {
  const width = Math.max(NARROWEST, (span.to - span.from) * 1.2);
  const middle = (span.from + span.to) / 2;
  return width >= whole.to - whole.from
    ? null
    : inside(middle - width / 2, width, whole);
}

function inside(from: number, width: number, whole: ISpan): ISpan {
  const start = clamped(from, whole.from, whole.to - width);
  return { from: start, to: start + width };
}

function clamped(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

/** Where a moment is in a chart of this width, in pixels. */
export function placeIn(window: ISpan, width: number, at: number): number {
  return ((at - window.from) / (window.to - window.from)) * width;
}

export interface IBar {
  readonly x: number;
  readonly width: number;
}

/** The bar of a span in a chart of this width; null: it is out of sight. */
export function barOf(window: ISpan, width: number, span: ISpan): IBar | null {
  if (span.to < window.from || span.from > window.to) {
    return null;
  }
  const x = placeIn(window, width, Math.max(span.from, window.from));
  const end = placeIn(window, width, Math.min(span.to, window.to));
  const barWidth = Math.max(THINNEST, end - x);
  return { x: Math.min(x, width - THINNEST), width: barWidth };
}

export interface ITicks {
  /** The moments, the earlier first. */
  readonly at: readonly number[];
  /** What is between two of them. */
  readonly step: number;
}

/**
 * Round moments in a window.
 *
 * @param most How many there are, inclusive.
 * @param zone How much local clocks are ahead of UTC: hours and days are those of the clock.
 */
export function ticksOf(window: ISpan, most: number, zone: number): ITicks {
  const width = window.to - window.from;
  const least = width / Math.max(1, most);
  const step =
    STEPS.find(step => step >= least) ??
    Math.ceil(least / (364 * DAY)) * 364 * DAY;
  const first = Math.ceil((window.from + zone) / step) * step - zone;
  const at: number[] = [];
  for (let moment = first; moment <= window.to; moment += step) {
    at.push(moment);
  }
  return { at: at.slice(0, Math.max(1, most)), step };
}

/** How exactly a tick says its moment. */
export function tickPrecision(
  step: number
): 'day' | 'minute' | 'second' | 'fraction' {
  if (step >= DAY) {
    return 'day';
  }
  return step >= MINUTE ? 'minute' : step >= SECOND ? 'second' : 'fraction';
}
