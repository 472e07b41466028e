/** A log as lines: read page by page, and followed while it grows. */
import type { ILogLine } from '../wire';

export type LogStream = ILogLine['stream'];

export interface ILine {
  readonly at: string;
  readonly stream: LogStream;
  /** Without colours of a terminal, and cut if it is very long. */
  readonly text: string;
}

/** Characters of a line that are shown, inclusive. */
const MOST_CHARACTERS = 5_000;
/** Characters of a line that are looked at, inclusive: with colours, which are left out. */
const MOST_WRITTEN = 100_000;

const ESCAPES = new RegExp(
  // Colours and movements of the cursor, and titles of windows.
  '\\u001b(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)?|.)',
  'g'
);

/** Lines of texts that come in pieces. */
export class LogLines {
  readonly lines: ILine[] = [];

  /** The streams that are in it. */
  readonly streams = new Set<LogStream>();

  /** The number of the last row; null: there is none. */
  lastSeq: number | null = null;

  add(rows: readonly ILogLine[]): void {
    for (const row of rows) {
      this._add(row);
      this.lastSeq = row.seq;
      this.streams.add(row.stream);
    }
  }

  private _add(row: ILogLine): void {
    const isGoingOn = this._open === row.stream && row.stream !== 'log';
    const started = isGoingOn ? (this._rest ?? '') : '';
    const texts = (started + row.text).split('\n');
    const rest = texts[texts.length - 1]!;
    if (isGoingOn) {
      this.lines.pop();
    }
    this._open = rest === '' ? null : row.stream;
    this._rest = lastPass(rest).slice(0, MOST_CHARACTERS + 1);
    for (const text of rest === '' ? texts.slice(0, -1) : texts) {
      const { happened_at: at, stream } = row;
      this.lines.push({ at, stream, text: lineText(text) });
    }
  }

  /** The stream whose last line has no end yet, and what it has. */
  private _open: LogStream | null = null;
  private _rest: string | null = null;
}

/** What a progress bar wrote last: what was there before it is overwritten. */
function lastPass(text: string): string {
  return text.slice(text.lastIndexOf('\r', text.length - 2) + 1);
}

/** A line as a terminal would leave it. */
export function lineText(written: string): string {
  const text = written.endsWith('\r') ? written.slice(0, -1) : written;
  const start = text.lastIndexOf('\r') + 1;
  const plain = text
    .slice(start, start + MOST_WRITTEN)
    .replace(ESCAPES, '')
    .replaceAll('\0', '');
  return plain.length > MOST_CHARACTERS || text.length - start > MOST_WRITTEN
    ? `${plain.slice(0, MOST_CHARACTERS)}…`
    : plain;
}

/** Places of the lines of these streams; null: all of them. */
export function placesOf(
  log: LogLines,
  hidden: ReadonlySet<LogStream>
): readonly number[] | null {
  if (![...log.streams].some(stream => hidden.has(stream))) {
    return null;
  }
  const places: number[] = [];
  log.lines.forEach((line, place) => {
    if (!hidden.has(line.stream)) {
      places.push(place);
    }
  });
  return places;
}

/** Which of so many lines have a text in them, in whatever case. */
export function placesWith(
  count: number,
  textAt: (place: number) => string,
  wanted: string
): readonly number[] {
  const lower = wanted.toLowerCase();
  const places: number[] = [];
  for (let place = 0; lower !== '' && place < count; place += 1) {
    if (textAt(place).toLowerCase().includes(lower)) {
      places.push(place);
    }
  }
  return places;
}

/** A text in parts: those with an odd place are what was searched. */
export function partsOf(text: string, wanted: string): readonly string[] {
  const [lower, part] = [text.toLowerCase(), wanted.toLowerCase()];
  const parts: string[] = [];
  let at = 0;
  // Some letters are longer in lower case: then places do not fit.
  while (part !== '' && lower.length === text.length) {
    const place = lower.indexOf(part, at);
    if (place < 0) {
      break;
    }
    parts.push(text.slice(at, place), text.slice(place, place + part.length));
    at = place + part.length;
  }
  return [...parts, text.slice(at)];
}

/** Where a log comes from. */
export interface ILogSource {
  /** Rows after this number; whether there may be more. */
  page(
    afterSeq: number
  ): Promise<{ readonly rows: readonly ILogLine[]; readonly isLast: boolean }>;
  /** After this number are only the last rows; null: all rows are few. */
  tail(): Promise<number | null>;
}

/** Reads what is new, and says so after each page. */
export class LogFollower {
  readonly log = new LogLines();

  /** @param _isWhole Whether it is read from its beginning, however long it is. */
  constructor(
    private readonly _source: ILogSource,
    private readonly _isWhole: boolean
  ) {}

  /** A number that grows with each page. */
  readonly version = (): number => this._version;

  /** Whether there are rows before those here. */
  get hasEarlier(): boolean {
    return (this._start ?? 0) > 0;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  /** Nothing is read any more. */
  stop(): void {
    this._isStopped = true;
  }

  /** Read all that there is by now. */
  async read(): Promise<void> {
    this._start ??= this._isWhole ? 0 : ((await this._source.tail()) ?? 0);
    for (let isLast = false; !isLast && !this._isStopped;) {
      const page = await this._source.page(this.log.lastSeq ?? this._start);
      isLast = page.isLast || page.rows.length === 0;
      if (!this._isStopped) {
        this._take(page.rows);
      }
    }
  }

  private _take(rows: readonly ILogLine[]): void {
    this.log.add(rows);
    if (rows.length > 0 || this._version === 0) {
      this._version += 1;
      [...this._listeners].forEach(listener => listener());
    }
  }

  private _start: number | null = null;
  private _version = 0;
  private _isStopped = false;
  private readonly _listeners = new Set<() => void>();
}
