/** Many lines of one height: only those in sight are in the document. */
import type { CSSProperties, ReactNode } from 'react';
import { useLayoutEffect, useRef } from 'react';

import type { IViewport } from '../components/viewport';
import { rowsInSight, useViewport } from '../components/viewport';

/** Lines that are drawn above and below those in sight. */
const OVERSCAN = 20;
/** A line's height, as a multiple of the size of the font. */
const LINE_HEIGHT = 1.45;
/** So near the end, it is at the end. Pixels. */
const END_MARGIN = 4;

export interface IVirtualLinesProps {
  readonly label: string;
  readonly count: number;
  readonly render: (place: number) => ReactNode;
  /** Bring this line into sight; again with each object. */
  readonly goal?: { readonly place: number } | null;
  /** Stay at the end while lines are added. */
  readonly isAtEnd?: boolean;
  /** A person scrolled to the end, or away from it. */
  readonly onAtEnd?: (isAtEnd: boolean) => void;
  /** It is so high as its lines need, up to this many; undefined: it fills what it is in. */
  readonly mostLines?: number;
}

export function VirtualLines(props: IVirtualLinesProps): JSX.Element {
  const { count, isAtEnd = false, onAtEnd, goal = null } = props;
  const frame = useRef<HTMLDivElement>(null);
  const [view, onScroll] = useViewport(frame, LINE_HEIGHT);
  const { rowHeight } = view;
  useEnd(frame, isAtEnd, count, view);
  useGoal(frame, goal, rowHeight);
  const [first, last] = rowsInSight(view, count, OVERSCAN);
  const places = Array.from({ length: last - first }, (_, i) => first + i);
  return (
    <div
      ref={frame}
      className="jp-flowkernel-lines"
      style={heightOf(props, rowHeight)}
      role="region"
      aria-label={props.label}
      tabIndex={0}
      onScroll={({ currentTarget: element }) => {
        onScroll(element);
        onAtEnd?.(isScrolledToEnd(element));
      }}
    >
      <div
        className="jp-flowkernel-lines-all"
        style={{ height: count * rowHeight }}
      >
        {places.map(place => (
          <div
            key={place}
            className="jp-flowkernel-line"
            style={{ top: place * rowHeight, height: rowHeight }}
          >
            {props.render(place)}
          </div>
        ))}
      </div>
    </div>
  );
}

/** Pixels for the borders, and for what scrolls to the side. */
const EXTRA = 14;

function heightOf(
  props: IVirtualLinesProps,
  lineHeight: number
): CSSProperties | undefined {
  const { mostLines, count } = props;
  return mostLines === undefined
    ? undefined
    : { height: Math.min(mostLines, count) * lineHeight + EXTRA };
}

function isScrolledToEnd(element: HTMLElement): boolean {
  const { scrollTop, clientHeight, scrollHeight } = element;
  return scrollTop + clientHeight >= scrollHeight - END_MARGIN;
}

function useEnd(
  frame: React.RefObject<HTMLDivElement>,
  isAtEnd: boolean,
  count: number,
  view: IViewport
): void {
  useLayoutEffect(() => {
    const element = frame.current;
    if (element !== null && isAtEnd) {
      element.scrollTop = element.scrollHeight;
    }
  }, [frame, isAtEnd, count, view.height, view.rowHeight]);
}

function useGoal(
  frame: React.RefObject<HTMLDivElement>,
  goal: { readonly place: number } | null,
  lineHeight: number
): void {
  useLayoutEffect(() => {
    const element = frame.current;
    if (element !== null && goal !== null) {
      const middle = (element.clientHeight - lineHeight) / 2;
      element.scrollTop = goal.place * lineHeight - middle;
    }
  }, [frame, goal, lineHeight]);
}
