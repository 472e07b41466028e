/** How long, and how long ago: in words, and kept current by one timer for all. */
import type { IExecutionRow } from '../wire';

const MINUTE = 60;
const DAY = 24 * 60;

/** `0.4 s`, `12 s`, `2 min 05 s`, `3 h 20 min`, `2 d 4 h`: as every command says it. */
export function durationText(seconds: number): string {
  if (seconds < 9.95) {
    return `${Math.max(0, seconds).toFixed(1)} s`;
  }
  const rounded = Math.round(seconds);
  const minutes = Math.floor(rounded / MINUTE);
  if (rounded < MINUTE) {
    return `${rounded} s`;
  }
  if (minutes < MINUTE) {
    return `${minutes} min ${padded(rounded % MINUTE)} s`;
  }
  return minutes < DAY
    ? `${Math.floor(minutes / MINUTE)} h ${padded(minutes % MINUTE)} min`
    : `${Math.floor(minutes / DAY)} d ${Math.floor((minutes % DAY) / MINUTE)} h`;
}

function padded(value: number): string {
  return String(value).padStart(2, '0');
}

/** The moment of a text of the engine, in milliseconds; null: there is none. */
export function momentOf(text: string | null): number | null {
  const moment = text === null ? NaN : Date.parse(text);
  return Number.isNaN(moment) ? null : moment;
}

/** What a run took, or has taken until now, in seconds. */
export interface ITook {
  readonly work: number;
  /** The time in which it waited for people: it is no work. */
  readonly waited: number;
  readonly isTicking: boolean;
}

/** Null: it never started. */
export function tookOf(run: IExecutionRow, now: number): ITook | null {
  const start = momentOf(run.started_at);
  if (start === null) {
    return null;
  }
  const end = momentOf(run.ended_at) ?? now;
  const total = Math.max(0, (end - start) / 1000);
  const waitsSince = momentOf(run.waiting_since ?? run.asked_at);
  const current =
    waitsSince === null ? 0 : Math.max(0, (end - waitsSince) / 1000);
  const waited = Math.min(total, run.answer_seconds + current);
  return {
    work: total - waited,
    waited,
    isTicking: run.ended_at === null
  };
}

/** The units of an age: from how many seconds on, and how many of them one is. */
const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60]
];
/** Less than this is now. Seconds. */
const NOW = 60;

/** `29 min`, `2 h`, `3 d`: how long it is until a moment, at least a minute. */
export function leftText(moment: number, now: number): string {
  const minutes = Math.max(1, Math.floor((moment - now) / 60_000));
  if (minutes < MINUTE) {
    return `${minutes} min`;
  }
  return minutes < DAY
    ? `${Math.floor(minutes / MINUTE)} h`
    : `${Math.floor(minutes / DAY)} d`;
}

/** `5 min. ago`, in the language of the page. */
export function agoText(
  moment: number,
  now: number,
  formats: { readonly relative: Intl.RelativeTimeFormat; readonly now: string }
): string {
  const seconds = (moment - now) / 1000;
  if (Math.abs(seconds) < NOW) {
    return formats.now;
  }
  const [unit, length] =
    UNITS.find(([, length]) => Math.abs(seconds) >= length) ??
    UNITS[UNITS.length - 1]!;
  return formats.relative.format(Math.trunc(seconds / length), unit);
}

/** A clock for all that ticks: one timer, and none while nobody listens. */
export class Ticker {
  constructor(
    private readonly _every: number,
    private readonly _read: () => number = () => Date.now()
  ) {
    this._now = _read();
  }

  /** The moment of the last tick, in milliseconds. */
  readonly now = (): number => this._now;

  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    if (this._timer === null) {
      this._now = this._read();
      this._timer = setInterval(() => this._tick(), this._every);
    }
    return () => this._leave(listener);
  };

  private _tick(): void {
    this._now = this._read();
    [...this._listeners].forEach(listener => listener());
  }

  private _leave(listener: () => void): void {
    this._listeners.delete(listener);
    if (this._listeners.size === 0 && this._timer !== null) {
      clearInterval(this._timer);
      this._timer = null;
    }
  }

  private _now: number;
  private _timer: ReturnType<typeof setInterval> | null = null;
  private readonly _listeners = new Set<() => void>();
}
