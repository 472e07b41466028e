/** The axis of a timeline: round moments of the clock. */
import type { ISpan } from '../model/timeline';
import { placeIn, tickPrecision, ticksOf } from '../model/time-window';

/** Room for one tick, in pixels. */
const TICK_WIDTH = 90;
/** Room for the text of one: the last has none where it would be cut. */
const TEXT_WIDTH = 66;
const HEIGHT = 22;
const MINUTE = 60_000;

const DAYS = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const FORMATS = {
  day: new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' }),
  minute: new Intl.DateTimeFormat(undefined, {
    hour: '2-digit',
    minute: '2-digit'
  }),
  second: new Intl.DateTimeFormat(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit'
  }),
  fraction: new Intl.DateTimeFormat(undefined, {
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 2
  })
};

export function TimeAxis(props: {
  readonly window: ISpan;
  /** The widths of the column of names, and of the chart. */
  readonly names: number;
  readonly width: number;
}): JSX.Element {
  const { window, names, width } = props;
  const zone = -new Date(window.from).getTimezoneOffset() * MINUTE;
  const ticks = ticksOf(window, Math.floor(width / TICK_WIDTH), zone);
  const format = FORMATS[tickPrecision(ticks.step)];
  return (
    <div className="jp-flowkernel-timeline-axis" aria-hidden>
      <span style={{ width: names }}>{DAYS.format(window.from)}</span>
      <svg width={width} height={HEIGHT}>
        {ticks.at.map(at => {
          const place = placeIn(window, width, at);
          return (
            <g key={at} transform={`translate(${place} 0)`}>
              <line y1={HEIGHT - 6} y2={HEIGHT} />
              {place + TEXT_WIDTH <= width && (
                <text x={3} y={HEIGHT - 8}>
                  {format.format(at)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
    </div>
  );
}
