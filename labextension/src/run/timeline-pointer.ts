/** Zoom with the wheel and Ctrl, and by drawing over a part of the time. */
import type { PointerEvent } from 'react';
import { useCallback, useEffect, useRef, useState } from 'react';

import type { ISpan } from '../model/timeline';
import { windowAround } from '../model/time-window';

/** A move of fewer pixels is a click. */
const CLICK = 5;
/** By how much one turn of a wheel zooms. */
const WHEEL_STEP = 0.8;

export interface IChartPlace {
  readonly frame: React.RefObject<HTMLDivElement>;
  /** The widths of the column of names, and of the chart. */
  readonly names: number;
  readonly width: number;
  readonly window: ISpan;
  readonly whole: ISpan;
}

/** Where a pointer is in the chart, in pixels. */
function xOf(chart: IChartPlace, clientX: number): number {
  const left = chart.frame.current?.getBoundingClientRect().left ?? 0;
  return Math.max(0, Math.min(chart.width, clientX - left - chart.names));
}

function momentAt({ window, width }: IChartPlace, x: number): number {
  return window.from + (x / width) * (window.to - window.from);
}

export function useWheel(
  chart: IChartPlace,
  zoom: (factor: number, at: number) => void,
  pan: (share: number) => void
): void {
  const latest = useRef({ chart, zoom, pan });
  latest.current = { chart, zoom, pan };
  const { frame } = chart;
  useEffect(() => {
    const element = frame.current;
    const onWheel = (event: WheelEvent): void => {
      const { chart, zoom, pan } = latest.current;
      if (event.ctrlKey || event.metaKey) {
        const factor = event.deltaY < 0 ? WHEEL_STEP : 1 / WHEEL_STEP;
        zoom(factor, momentAt(chart, xOf(chart, event.clientX)));
      } else if (event.shiftKey || event.deltaX !== 0) {
        pan((event.deltaX || event.deltaY) / chart.width);
      } else {
        return;
      }
      event.preventDefault();
    };
    element?.addEventListener('wheel', onWheel, { passive: false });
    return () => element?.removeEventListener('wheel', onWheel);
  }, [frame]);
}

export interface IDrag {
  readonly selection: { readonly x: number; readonly width: number } | null;
  /** Whether what the pointer does is no click. */
  readonly isDragging: () => boolean;
  readonly handlers: {
    readonly onPointerDown: (event: PointerEvent) => void;
    readonly onPointerMove: (event: PointerEvent) => void;
    readonly onPointerUp: (event: PointerEvent) => void;
    readonly onPointerCancel: () => void;
  };
}

export function useDrag(
  chart: IChartPlace,
  setWindow: (window: ISpan | null) => void
): IDrag {
  const start = useRef<number | null>(null);
  const wasDragged = useRef(false);
  const [selection, select] = useState<IDrag['selection']>(null);
  const end = (): void => {
    if (start.current !== null) {
      start.current = null;
      select(null);
    }
  };
  const onPointerDown = (event: PointerEvent): void => {
    wasDragged.current = false;
    const isInChart = event.target instanceof SVGElement;
    start.current =
      event.button === 0 && isInChart ? xOf(chart, event.clientX) : null;
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (event.buttons === 0) {
      end(); // The button was released elsewhere.
    } else if (start.current !== null) {
      const x = xOf(chart, event.clientX);
      const width = Math.abs(x - start.current);
      wasDragged.current ||= width >= CLICK;
      select(
        wasDragged.current ? { x: Math.min(x, start.current), width } : null
      );
    }
  };
  const onPointerUp = (): void => {
    if (selection !== null && selection.width >= CLICK) {
      const from = momentAt(chart, selection.x);
      const to = momentAt(chart, selection.x + selection.width);
      setWindow(windowAround({ from, to }, chart.whole));
    }
    end();
  };
  return {
    selection,
    isDragging: useCallback(() => wasDragged.current, []),
    handlers: {
      onPointerDown,
      onPointerMove,
      onPointerUp,
      onPointerCancel: end
    }
  };
}
