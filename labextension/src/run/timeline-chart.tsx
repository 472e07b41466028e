/**
 * A timeline as bars: names on the left, time to the right, as near as it is zoomed.
 *
 * One name can be reached with Tab; arrows move from there, Enter opens its run, `+`, `-` and `0`
 * zoom. Only lanes in sight are in the document.
 */
import type { KeyboardEvent, ReactNode } from 'react';
import {
  memo,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState
} from 'react';

import { useTrans } from '../components/context';
import { StatusIcon } from '../components/status';
import type { ILane, ISpan } from '../model/timeline';
import { wholeSpan } from '../model/timeline';
import { laneName, laneSentence } from '../model/timeline-words';
import { panned, zoomed } from '../model/time-window';
import type { ISignButton } from './sign-buttons';
import { SignButtons } from './sign-buttons';
import { TimeAxis } from './time-axis';
import { LaneBars, TimelineLegend, usePattern } from './timeline-bars';
import type { ITimelineProps } from './timeline-table';
import { useDrag, useWheel } from './timeline-pointer';

/** In pixels. */
export const LANE_HEIGHT = 24;
const MOST_NAMES = 260;
const NAMES_SHARE = 0.35;
/** Lanes that are drawn above and below those in sight. */
const OVERSCAN = 8;
const CLOSER = 0.5;
const PAN = 0.25;
/** As a part of all of the time. */
const ROOM = 0.02;

export function TimelineChart(props: ITimelineProps): JSX.Element {
  const { lanes, onOpen } = props;
  const trans = useTrans();
  const frame = useRef<HTMLDivElement>(null);
  const size = useSize(frame);
  const view = useView(lanes);
  const { shown, whole, zoom, pan } = view;
  const names = Math.round(Math.min(MOST_NAMES, size.width * NAMES_SHARE));
  const width = Math.max(50, size.width - names);
  const chart = { frame, names, width, window: shown, whole };
  useWheel(chart, zoom, pan);
  const drag = useDrag(chart, view.show);
  const { isDragging } = drag;
  const onBar = useCallback(
    (id: string) => !isDragging() && onOpen(id),
    [isDragging, onOpen]
  );
  const [first, last] = inSight(size, lanes.length);
  const focus = useFocus(frame, lanes, size.height);
  const onKeyDown = (event: KeyboardEvent): void => {
    const act = keyAction(event, view);
    if (act !== null) {
      act();
      event.preventDefault();
    } else {
      focus.onKeyDown(event);
    }
  };
  const pattern = usePattern();
  return (
    <>
      <Tools view={view}>
        <TimelineLegend lanes={lanes} pattern={pattern.url} />
      </Tools>
      <div
        ref={frame}
        className="jp-flowkernel-timeline-frame"
        role="group"
        aria-label={trans.__('Timeline')}
        onKeyDown={onKeyDown}
        {...drag.handlers}
      >
        <TimeAxis window={shown} names={names} width={width} />
        <div
          className="jp-flowkernel-timeline-lanes"
          style={{ height: lanes.length * LANE_HEIGHT }}
        >
          <ol style={{ width: names }}>
            {focus.placesOf(first, last).map(place => (
              <LaneName
                key={lanes[place]!.key}
                lane={lanes[place]!}
                place={place}
                count={lanes.length}
                isActive={place === focus.active}
                onFocus={focus.onFocus}
                onOpen={onOpen}
              />
            ))}
          </ol>
          <svg
            style={{ left: names, top: first * LANE_HEIGHT }}
            width={width}
            height={(last - first) * LANE_HEIGHT}
            aria-hidden
          >
            {pattern.definition}
            {lanes.slice(first, last).map((lane, index) => (
              <LaneBars
                key={lane.key}
                lane={lane}
                y={index * LANE_HEIGHT}
                window={shown}
                width={width}
                pattern={pattern.url}
                onOpen={onBar}
              />
            ))}
            {drag.selection !== null && (
              <rect
                className="jp-flowkernel-timeline-selection"
                x={drag.selection.x}
                width={drag.selection.width}
                height="100%"
              />
            )}
          </svg>
        </div>
      </div>
    </>
  );
}

interface IView {
  readonly shown: ISpan;
  readonly whole: ISpan;
  readonly isWhole: boolean;
  readonly zoom: (factor: number, at?: number) => void;
  readonly pan: (share: number) => void;
  /** Null: all of the time. */
  readonly show: (window: ISpan | null) => void;
  /** What is shown at first. */
  readonly reset: () => void;
}

/**
 * The part of the time that is shown: at first what the run itself took, without what it has
 * taken over from an earlier try, which may be days before.
 */
function useView(lanes: readonly ILane[]): IView {
  const [window, setWindow] = useState<ISpan | 'all' | 'own'>('own');
  const [whole, own] = useMemo(() => {
    const now = Date.now();
    const ownLanes = lanes.filter(lane => lane.isOwn);
    return [
      withRoom(wholeSpan(lanes, now)),
      withRoom(wholeSpan(ownLanes, now))
    ] as const;
  }, [lanes]);
  const isAllOwn = own.from <= whole.from && own.to >= whole.to;
  const spanOf = (window: ISpan | 'all' | 'own'): ISpan =>
    window === 'own' ? own : window === 'all' ? whole : window;
  const isWhole = window === 'all' || (window === 'own' && isAllOwn);
  const shown = spanOf(window);
  const show = (window: ISpan | null): void => setWindow(window ?? 'all');
  return {
    ...{ shown, whole, isWhole, show, reset: () => setWindow('own') },
    zoom: (factor, at = (shown.from + shown.to) / 2) =>
      show(zoomed(isWhole ? null : shown, whole, factor, at)),
    pan: share => {
      if (!isWhole) {
        show(panned(shown, whole, share));
      }
    }
  };
}

function Tools(props: {
  readonly view: IView;
  readonly children: ReactNode;
}): JSX.Element {
  const trans = useTrans();
  const { zoom, show, isWhole } = props.view;
  const buttons: readonly ISignButton[] = [
    {
      sign: '+',
      label: trans.__('Zoom in'),
      onClick: () => zoom(CLOSER),
      isDisabled: false
    },
    {
      sign: '−',
      label: trans.__('Zoom out'),
      onClick: () => zoom(1 / CLOSER),
      isDisabled: isWhole
    },
    {
      sign: '↔',
      label: trans.__('Show all of the time'),
      onClick: () => show(null),
      isDisabled: isWhole
    }
  ];
  return (
    <div className="jp-flowkernel-timeline-tools">
      <SignButtons label={trans.__('Zoom')} buttons={buttons} />
      {props.children}
    </div>
  );
}

const LaneName = memo(function LaneName(props: {
  readonly lane: ILane;
  readonly place: number;
  readonly count: number;
  readonly isActive: boolean;
  readonly onFocus: (key: string) => void;
  readonly onOpen: (executionId: string) => void;
}): JSX.Element {
  const { lane, place } = props;
  const trans = useTrans();
  const sentence = laneSentence(lane, trans);
  return (
    <li
      aria-posinset={place + 1}
      aria-setsize={props.count}
      style={{ top: place * LANE_HEIGHT, height: LANE_HEIGHT }}
    >
      <button
        type="button"
        className="jp-flowkernel-timeline-name"
        data-place={place}
        data-tie={lane.tie}
        aria-label={sentence}
        title={sentence}
        tabIndex={props.isActive ? 0 : -1}
        style={{ paddingLeft: `${Math.min(lane.level - 1, 12) * 0.9 + 0.4}em` }}
        onFocus={() => props.onFocus(lane.key)}
        onClick={() => props.onOpen(lane.executionId)}
      >
        {lane.cell === null && <StatusIcon status={lane.status} />}
        <span>{laneName(lane, trans)}</span>
      </button>
    </li>
  );
});

/** With room on the right, so that what happened last can be seen. */
function withRoom({ from, to }: ISpan): ISpan {
  return { from, to: to + (to - from) * ROOM };
}

interface ISize {
  readonly width: number;
  readonly height: number;
  readonly top: number;
}

/** How much room there is, and how far it is scrolled. */
function useSize(frame: React.RefObject<HTMLDivElement>): ISize {
  const [size, setSize] = useState<ISize>({ width: 800, height: 400, top: 0 });
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) {
      return;
    }
    const measure = (): void => {
      const { clientWidth: width, clientHeight: height, scrollTop } = element;
      const top = Math.floor(scrollTop / LANE_HEIGHT) * LANE_HEIGHT;
      setSize(now =>
        now.width === width && now.height === height && now.top === top
          ? now
          : { width, height, top }
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, [frame]);
  return size;
}

/** The first lane in sight, and the first below it. */
function inSight(size: ISize, count: number): readonly [number, number] {
  const first = Math.floor(size.top / LANE_HEIGHT) - OVERSCAN;
  const rows = Math.ceil(size.height / LANE_HEIGHT) + 2 * OVERSCAN;
  const start = Math.max(0, Math.min(first, count - 1));
  return [start, Math.min(count, Math.max(0, first) + rows)];
}

function keyAction(
  event: KeyboardEvent,
  { zoom, pan, reset }: IView
): (() => void) | null {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    return null;
  }
  switch (event.key) {
    case '+':
    case '=':
      return () => zoom(CLOSER);
    case '-':
      return () => zoom(1 / CLOSER);
    case '0':
      return reset;
    case 'ArrowLeft':
      return () => pan(-PAN);
    case 'ArrowRight':
      return () => pan(PAN);
    default:
      return null;
  }
}

interface IFocus {
  readonly active: number;
  readonly onFocus: (key: string) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  /** Of the lanes to draw, with that which has the focus. */
  readonly placesOf: (first: number, last: number) => readonly number[];
}

/** One of the names can be reached with Tab; arrows move to others. */
function useFocus(
  frame: React.RefObject<HTMLDivElement>,
  lanes: readonly ILane[],
  height: number
): IFocus {
  const [key, setKey] = useState<string | null>(null);
  const isMoving = useRef(false);
  const found = lanes.findIndex(lane => lane.key === key);
  const active = Math.max(0, found);
  useEffect(() => {
    if (isMoving.current) {
      isMoving.current = false;
      const selector = `[data-place="${active}"]`;
      const name = frame.current?.querySelector<HTMLElement>(selector);
      name?.focus({ preventScroll: true });
      name?.scrollIntoView({ block: 'nearest' });
    }
  }, [frame, active]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(height / LANE_HEIGHT) - 2);
    const steps: { readonly [key: string]: number } = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: lanes.length - 1
    };
    const wanted = steps[event.key];
    if (wanted !== undefined) {
      const place = Math.max(0, Math.min(lanes.length - 1, wanted));
      isMoving.current = place !== active;
      setKey(lanes[place]?.key ?? null);
      event.preventDefault();
    }
  };
  return {
    active,
    onKeyDown,
    onFocus: setKey,
    placesOf: (first, last) => {
      const places = Array.from({ length: last - first }, (_, i) => first + i);
      const isOut = active < first || active >= last;
      return isOut && active < lanes.length ? [...places, active] : places;
    }
  };
}
