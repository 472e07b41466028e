/** What is in sight of a list of rows of one height. */
import type { RefObject } from 'react';
import { useCallback, useLayoutEffect, useState } from 'react';

export interface IViewport {
  /** How far it is scrolled, and how much is in sight. Pixels. */
  readonly top: number;
  readonly height: number;
  readonly rowHeight: number;
}

/** Before it is measured. */
const FIRST_VIEW: IViewport = { top: 0, height: 600, rowHeight: 18 };

/**
 * What is in sight of `frame`, and what is called when it is scrolled.
 *
 * @param height Of a row, as a multiple of the size of the font, which it follows.
 */
export function useViewport(
  frame: RefObject<HTMLElement>,
  height: number
): readonly [IViewport, (element: HTMLElement) => void] {
  const [view, setView] = useState<IViewport>(FIRST_VIEW);
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) {
      return;
    }
    const measure = (): void => {
      const size = parseFloat(getComputedStyle(element).fontSize) || 13;
      const rowHeight = Math.round(size * height);
      const visible = element.clientHeight;
      setView(now =>
        now.height === visible && now.rowHeight === rowHeight
          ? now
          : { ...now, height: visible, rowHeight }
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame, height]);
  const onScroll = useCallback((element: HTMLElement) => {
    const top = element.scrollTop;
    setView(now => ({ ...now, top }));
  }, []);
  return [view, onScroll];
}

/** The first row to draw, and the first below it: those in sight and `overscan` beside them. */
export function rowsInSight(
  view: IViewport,
  count: number,
  overscan: number
): readonly [number, number] {
  const first = Math.max(0, Math.floor(view.top / view.rowHeight) - overscan);
  const visible = Math.ceil(view.height / view.rowHeight) + 2 * overscan;
  return [first, Math.max(first, Math.min(count, first + visible))];
}
