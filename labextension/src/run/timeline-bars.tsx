/** The bars and marks of a timeline: a shape with each colour, so that none is needed alone. */
import { memo, useId } from 'react';

import { useTrans } from '../components/context';
import { durationText } from '../model/durations';
import type {
  ILane,
  IMark,
  ISegment,
  ISpan,
  MarkKind,
  SegmentKind
} from '../model/timeline';
import { SEGMENT_KINDS } from '../model/timeline';
import { markText, markWord, segmentWord } from '../model/timeline-words';
import { barOf, placeIn } from '../model/time-window';
import { Legend } from './legend';

const LANE_MIDDLE = 12;
/** How high the bar of each kind is, in pixels. */
const HEIGHTS: { readonly [kind in SegmentKind]: number } = {
  working: 14,
  people: 14,
  queued: 8,
  children: 5,
  other: 2
};
/** At most so high is the bar of a cell. */
const THIN = 8;
/** In a square of 12 by 12 around 0. */
const SHAPES: { readonly [kind in MarkKind]: string } = {
  failed: 'M-4 -4 L4 4 M4 -4 L-4 4',
  skipped: 'M-4 -4 L2 0 L-4 4 Z M4 -4 V4',
  mended: 'M0 -5 L5 0 L0 5 L-5 0 Z',
  retried: 'M4 -2 A4.5 4.5 0 1 0 4 3 M4.4 -5 V-1.6 H1',
  lost: 'M0 -5 L5 4 H-5 Z'
};
const MARK_KINDS = Object.keys(SHAPES) as MarkKind[];
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

export interface IPattern {
  readonly url: string;
  readonly definition: JSX.Element;
}

/** Stripes: waiting for people. */
export function usePattern(): IPattern {
  const id = `jp-flowkernel-stripes-${useId().replaceAll(':', '')}`;
  return {
    url: `url(#${id})`,
    definition: (
      <defs>
        <pattern
          id={id}
          className="jp-flowkernel-stripes"
          width={6}
          height={6}
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <rect width={6} height={6} />
          <line x1={0} y1={0} x2={0} y2={6} />
        </pattern>
      </defs>
    )
  };
}

export const LaneBars = memo(function LaneBars(props: {
  readonly lane: ILane;
  readonly y: number;
  readonly window: ISpan;
  readonly width: number;
  readonly pattern: string;
  readonly onOpen: (executionId: string) => void;
}): JSX.Element {
  const { lane, window, width } = props;
  return (
    <g
      className="jp-flowkernel-timeline-lane"
      transform={`translate(0 ${props.y})`}
      data-cell={lane.cell !== null}
      onClick={() => props.onOpen(lane.executionId)}
    >
      {lane.segments.map((segment, place) => (
        <Bar
          key={place}
          segment={segment}
          window={window}
          width={width}
          pattern={props.pattern}
          isThin={lane.cell !== null}
        />
      ))}
      <Beyond lane={lane} window={window} width={width} />
      {lane.marks
        .filter(mark => mark.at >= window.from && mark.at <= window.to)
        .map((mark, place) => (
          <Mark
            key={place}
            mark={mark}
            x={Math.max(
              6,
              Math.min(width - 6, placeIn(window, width, mark.at))
            )}
          />
        ))}
    </g>
  );
});

/** An arrow to what is out of sight, if nothing of the lane is in sight. */
function Beyond(props: {
  readonly lane: ILane;
  readonly window: ISpan;
  readonly width: number;
}): JSX.Element | null {
  const { window, width } = props;
  const { segments } = props.lane;
  const [first, last] = [segments[0], segments[segments.length - 1]];
  if (first === undefined || last === undefined) {
    return null;
  }
  if (last.to < window.from) {
    return <path className="jp-flowkernel-beyond" d="M10 7 L4 12 L10 17 Z" />;
  }
  const x = width - 10;
  return first.from > window.to ? (
    <path
      className="jp-flowkernel-beyond"
      d={`M${x} 7 L${x + 6} 12 L${x} 17 Z`}
    />
  ) : null;
}

function Bar(props: {
  readonly segment: ISegment;
  readonly window: ISpan;
  readonly width: number;
  readonly pattern: string;
  readonly isThin: boolean;
}): JSX.Element | null {
  const { segment } = props;
  const trans = useTrans();
  const bar = barOf(props.window, props.width, segment);
  if (bar === null) {
    return null;
  }
  const { kind, from, to } = segment;
  const took = durationText((to - from) / 1000);
  const title = trans.__(
    '%1: %2, from %3 to %4',
    segmentWord(kind, trans),
    took,
    CLOCK.format(from),
    CLOCK.format(to)
  );
  return (
    <Shape
      kind={kind}
      x={bar.x}
      width={bar.width}
      pattern={props.pattern}
      isThin={props.isThin}
    >
      {title}
    </Shape>
  );
}

function Shape(props: {
  readonly kind: SegmentKind;
  readonly x: number;
  readonly width: number;
  readonly pattern: string;
  readonly isThin?: boolean;
  readonly children?: string;
}): JSX.Element {
  const { kind, x, width } = props;
  const height = Math.min(HEIGHTS[kind], props.isThin ? THIN : Infinity);
  return (
    <rect
      className="jp-flowkernel-segment"
      data-kind={kind}
      x={x}
      y={LANE_MIDDLE - height / 2}
      width={width}
      height={height}
      fill={kind === 'people' ? props.pattern : undefined}
    >
      {props.children !== undefined && <title>{props.children}</title>}
    </rect>
  );
}

function Mark(props: {
  readonly mark: IMark;
  readonly x: number;
}): JSX.Element {
  const { mark, x } = props;
  const trans = useTrans();
  const title = `${markText(mark, trans)}, ${CLOCK.format(mark.at)}`;
  return (
    <g transform={`translate(${x} ${LANE_MIDDLE})`}>
      <MarkShape kind={mark.kind} />
      <rect x={-7} y={-7} width={14} height={14} fillOpacity={0}>
        <title>{title}</title>
      </rect>
    </g>
  );
}

function MarkShape(props: { readonly kind: MarkKind }): JSX.Element {
  const { kind } = props;
  return (
    <>
      <path className="jp-flowkernel-mark-halo" d={SHAPES[kind]} />
      <path className="jp-flowkernel-mark" data-kind={kind} d={SHAPES[kind]} />
    </>
  );
}

/** What the bars and marks mean, of those that are there. */
export const TimelineLegend = memo(function TimelineLegend(props: {
  readonly lanes: readonly ILane[];
  /** The address of the stripes. */
  readonly pattern: string;
}): JSX.Element {
  const { lanes, pattern } = props;
  const trans = useTrans();
  const segments = new Set(
    lanes.flatMap(lane => lane.segments.map(segment => segment.kind))
  );
  const marks = new Set(
    lanes.flatMap(lane => lane.marks.map(mark => mark.kind))
  );
  const entries = [
    ...SEGMENT_KINDS.filter(kind => segments.has(kind)).map(kind => ({
      key: kind,
      width: 22,
      shape: <Shape kind={kind} x={1} width={20} pattern={pattern} />,
      word: segmentWord(kind, trans)
    })),
    ...MARK_KINDS.filter(kind => marks.has(kind)).map(kind => ({
      key: kind,
      width: 16,
      shape: (
        <g transform={`translate(8 ${LANE_MIDDLE})`}>
          <MarkShape kind={kind} />
        </g>
      ),
      word: markWord(kind, trans)
    }))
  ];
  return <Legend entries={entries} />;
});
