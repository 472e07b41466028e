/** Many lines of one height: only those in sight are in the document. */
import type { CSSProperties, ReactNode, UIEvent } from 'react';
import { useCallback, useLayoutEffect, useRef, useState } from 'react';

/** Lines that are drawn above and below those in sight. */
const OVERSCAN = 20;
/** A line's height, as a multiple of the size of the font. */
const LINE_HEIGHT = 1.45;
/** So near the end, it is at the end. Pixels. */
const END_MARGIN = 4;

interface IView {
  readonly top: number;
  readonly height: number;
  readonly lineHeight: number;
}

export interface IVirtualLinesProps {
  readonly label: string;
  readonly count: number;
  readonly render: (place: number) => ReactNode;
  /** Bring this line into sight; anew with each object. */
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
  const [view, setView] = useState<IView>({
    top: 0,
    height: 600,
    lineHeight: 18
  });
  useSize(frame, setView);
  useEnd(frame, isAtEnd, count, view);
  useGoal(frame, goal, view.lineHeight);
  const onScroll = useScroll(setView, onAtEnd);

  const { top, height, lineHeight } = view;
  const first = Math.max(0, Math.floor(top / lineHeight) - OVERSCAN);
  const visible = Math.ceil(height / lineHeight) + 2 * OVERSCAN;
  const places = Array.from(
    { length: Math.max(0, Math.min(count - first, visible)) },
    (_, i) => first + i
  );
  return (
    <div
      ref={frame}
      className="jp-flowkernel-lines"
      style={heightOf(props, lineHeight)}
      role="region"
      aria-label={props.label}
      tabIndex={0}
      onScroll={onScroll}
    >
      <div
        className="jp-flowkernel-lines-all"
        style={{ height: count * lineHeight }}
      >
        {places.map(place => (
          <div
            key={place}
            className="jp-flowkernel-line"
            style={{ top: place * lineHeight, height: lineHeight }}
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

function useScroll(
  setView: (change: (now: IView) => IView) => void,
  onAtEnd?: (isAtEnd: boolean) => void
): (event: UIEvent<HTMLDivElement>) => void {
  return useCallback(
    event => {
      const {
        scrollTop: top,
        clientHeight,
        scrollHeight
      } = event.currentTarget;
      setView(now => ({ ...now, top }));
      onAtEnd?.(top + clientHeight >= scrollHeight - END_MARGIN);
    },
    [setView, onAtEnd]
  );
}

function useSize(
  frame: React.RefObject<HTMLDivElement>,
  setView: (change: (now: IView) => IView) => void
): void {
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) {
      return;
    }
    const measure = (): void => {
      const size = parseFloat(getComputedStyle(element).fontSize) || 13;
      const lineHeight = Math.round(size * LINE_HEIGHT);
      setView(now => ({ ...now, height: element.clientHeight, lineHeight }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame, setView]);
}

function useEnd(
  frame: React.RefObject<HTMLDivElement>,
  isAtEnd: boolean,
  count: number,
  view: IView
): void {
  useLayoutEffect(() => {
    const element = frame.current;
    if (element !== null && isAtEnd) {
      element.scrollTop = element.scrollHeight;
    }
  }, [frame, isAtEnd, count, view.height, view.lineHeight]);
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
