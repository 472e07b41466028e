/**
 * A tree of many rows of one height: only those in sight are in the document.
 *
 * One row can be reached with Tab; arrows, Home, End, page keys and typed letters move from there.
 * What is added above the rows in sight does not move them.
 */
import type { KeyboardEvent, ReactNode } from 'react';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';

import type { IRows } from '../model/tree';
import type { IViewport } from './viewport';
import { rowsInSight, useViewport } from './viewport';

export { rowsOf } from '../model/tree';

export interface ITreeRow {
  readonly key: string;
  /** From 1. */
  readonly level: number;
  /** Its place among those beside it, from 1, and how many they are. */
  readonly place: number;
  readonly siblings: number;
  /** Null: nothing is under it. */
  readonly isOpen: boolean | null;
}

export interface IVirtualTreeProps<Row extends ITreeRow> {
  readonly label: string;
  readonly rows: IRows<Row>;
  /** Of a row, as a multiple of the size of the font. */
  readonly height?: number;
  readonly render: (row: Row, isActive: boolean) => ReactNode;
  /** What is typed finds a row by the beginning of this. */
  readonly textOf: (row: Row) => string;
  /** Enter, or a double click. */
  readonly onOpen: (row: Row) => void;
  readonly onToggle?: (row: Row, isOpen: boolean) => void;
  /** The last rows are in sight: more may be read. */
  readonly onEnd?: () => void;
  /** For context menus: attributes of the row. */
  readonly attributesOf?: (row: Row) => { readonly [name: string]: string };
  readonly className?: string;
}

/** Rows that are drawn above and below those in sight. */
const OVERSCAN = 6;
/** `onEnd` comes this many rows before the last one is in sight. */
const END_MARGIN = 30;
/** What is typed within this time is one word. Milliseconds. */
const TYPING = 700;
const DEFAULT_HEIGHT = 3.4;

export function VirtualTree<Row extends ITreeRow>(
  props: IVirtualTreeProps<Row>
): JSX.Element {
  const { rows, onEnd } = props;
  const frame = useRef<HTMLDivElement>(null);
  const [view, onScroll] = useViewport(frame, props.height ?? DEFAULT_HEIGHT);
  const [activeKey, setActiveKey] = useState<string | null>(null);
  const isFocused = useRef(false);
  const activeIndex = activeKey === null ? -1 : rows.indexOf(activeKey);
  useSuccessor(rows, activeKey, activeIndex, setActiveKey);
  useAnchor(frame, rows, view);

  const [first, last] = rowsInSight(view, rows.length, OVERSCAN);
  const isAtEnd = last + END_MARGIN >= rows.length;
  useEffect(() => {
    if (isAtEnd) {
      onEnd?.();
    }
  }, [isAtEnd, rows.length, onEnd]);

  const move = (index: number): void => {
    const place = Math.max(0, Math.min(rows.length - 1, index));
    const row = rows.at(place);
    if (row !== undefined) {
      setActiveKey(row.key);
      reveal(frame.current, place, view.rowHeight);
    }
  };
  useFocus(frame, activeKey, isFocused);
  const onKeyDown = useKeys(props, activeIndex, move, view);

  const places = Array.from({ length: last - first }, (_, i) => first + i);
  if (activeIndex >= 0 && (activeIndex < first || activeIndex >= last)) {
    places.push(activeIndex); // It keeps the focus, also out of sight.
  }
  const shown = places.flatMap(index => {
    const row = rows.at(index);
    return row === undefined ? [] : [[row, index] as const];
  });
  return (
    <div
      ref={frame}
      className={`jp-flowkernel-tree-frame ${props.className ?? ''}`}
      role="tree"
      aria-label={props.label}
      onScroll={event => onScroll(event.currentTarget)}
      onKeyDown={onKeyDown}
      onFocus={() => (isFocused.current = true)}
      onBlur={() => (isFocused.current = false)}
    >
      <div
        role="none"
        className="jp-flowkernel-tree-rows"
        style={{ height: rows.length * view.rowHeight }}
      >
        {shown.map(([row, index]) => (
          <TreeRow
            key={row.key}
            row={row}
            isActive={index === (activeIndex < 0 ? 0 : activeIndex)}
            isSelected={index === activeIndex}
            top={index * view.rowHeight}
            height={view.rowHeight}
            tree={props}
            onActivate={setActiveKey}
          />
        ))}
      </div>
    </div>
  );
}

function TreeRow<Row extends ITreeRow>(props: {
  readonly row: Row;
  readonly isActive: boolean;
  readonly isSelected: boolean;
  readonly top: number;
  readonly height: number;
  readonly tree: IVirtualTreeProps<Row>;
  readonly onActivate: (key: string) => void;
}): JSX.Element {
  const { row, tree, isActive } = props;
  return (
    <div
      role="treeitem"
      className="jp-flowkernel-tree-row"
      data-key={row.key}
      aria-level={row.level}
      aria-posinset={row.place}
      aria-setsize={row.siblings}
      aria-expanded={row.isOpen ?? undefined}
      aria-selected={props.isSelected}
      tabIndex={isActive ? 0 : -1}
      style={{ top: props.top, height: props.height }}
      onMouseDown={() => props.onActivate(row.key)}
      onFocus={() => props.onActivate(row.key)}
      onDoubleClick={() => tree.onOpen(row)}
      {...tree.attributesOf?.(row)}
    >
      <span
        className="jp-flowkernel-tree-indent"
        style={{ width: `${Math.min(row.level - 1, 12) * 0.9}em` }}
      />
      {tree.onToggle && (
        <span
          className="jp-flowkernel-twisty"
          data-open={row.isOpen ?? undefined}
          aria-hidden
          onDoubleClick={event => event.stopPropagation()}
          onClick={() =>
            row.isOpen !== null && tree.onToggle?.(row, !row.isOpen)
          }
        />
      )}
      {tree.render(row, isActive)}
    </div>
  );
}

/** Rows that are added or removed above those in sight do not move them. */
function useAnchor(
  frame: React.RefObject<HTMLDivElement>,
  rows: IRows<ITreeRow>,
  view: IViewport
): void {
  const before = useRef<IRows<ITreeRow>>(rows);
  useLayoutEffect(() => {
    const element = frame.current;
    const old = before.current;
    before.current = rows;
    if (element === null || old === rows || element.scrollTop === 0) {
      return;
    }
    const place = Math.floor(element.scrollTop / view.rowHeight);
    const anchor = old.at(place);
    if (anchor === undefined || rows.at(place)?.key === anchor.key) {
      return;
    }
    const now = rows.indexOf(anchor.key);
    if (now >= 0) {
      element.scrollTop += (now - place) * view.rowHeight;
    }
  }, [frame, rows, view.rowHeight]);
}

/** Of a row that is gone, the one that is in its place now is active. */
function useSuccessor(
  rows: IRows<ITreeRow>,
  activeKey: string | null,
  activeIndex: number,
  setActiveKey: (key: string | null) => void
): void {
  const lastIndex = useRef(0);
  useLayoutEffect(() => {
    if (activeIndex >= 0) {
      lastIndex.current = activeIndex;
    } else if (activeKey !== null) {
      const place = Math.min(lastIndex.current, rows.length - 1);
      setActiveKey(rows.at(place)?.key ?? null);
    }
  }, [rows, activeKey, activeIndex, setActiveKey]);
}

/**
 * The active row has the focus, if the tree has it. A row that is removed while it has the focus
 * says nothing (React hears no blur), and the document has the focus: so each drawing looks.
 */
function useFocus(
  frame: React.RefObject<HTMLDivElement>,
  activeKey: string | null,
  isFocused: React.MutableRefObject<boolean>
): void {
  const focusedKey = useRef<string | null>(null);
  useLayoutEffect(() => {
    const { activeElement, body } = document;
    const isLost = activeElement === null || activeElement === body;
    const isMoved = focusedKey.current !== activeKey;
    focusedKey.current = activeKey;
    if (!isFocused.current || activeKey === null || !(isLost || isMoved)) {
      return;
    }
    const row = frame.current?.querySelector<HTMLElement>(
      `[data-key="${CSS.escape(activeKey)}"]`
    );
    if (row && !row.contains(activeElement)) {
      row.focus({ preventScroll: true });
    }
  });
}

function reveal(
  element: HTMLDivElement | null,
  index: number,
  rowHeight: number
): void {
  if (element === null || index < 0) {
    return;
  }
  const [top, bottom] = [index * rowHeight, (index + 1) * rowHeight];
  if (top < element.scrollTop) {
    element.scrollTop = top;
  } else if (bottom > element.scrollTop + element.clientHeight) {
    element.scrollTop = bottom - element.clientHeight;
  }
}

/** The keys of a tree, as WAI-ARIA describes them. */
function useKeys<Row extends ITreeRow>(
  props: IVirtualTreeProps<Row>,
  activeIndex: number,
  move: (index: number) => void,
  view: IViewport
): (event: KeyboardEvent<HTMLDivElement>) => void {
  const typed = useRef({ text: '', at: 0 });
  return event => {
    const target = event.target as HTMLElement;
    const isOnRow = target.getAttribute('role') === 'treeitem';
    const index = Math.max(0, activeIndex);
    const row = props.rows.at(index);
    if (row === undefined || !isOnRow || event.altKey || event.ctrlKey) {
      return;
    }
    const page = Math.max(1, Math.floor(view.height / view.rowHeight) - 1);
    const moves: { readonly [key: string]: () => void } = {
      ArrowDown: () => move(index + 1),
      ArrowUp: () => move(index - 1),
      PageDown: () => move(index + page),
      PageUp: () => move(index - page),
      Home: () => move(0),
      End: () => move(props.rows.length - 1),
      Enter: () => props.onOpen(row),
      ArrowRight: () => goIn(props, row, index, move),
      ArrowLeft: () => goOut(props, row, index, move)
    };
    const act = moves[event.key];
    if (act !== undefined) {
      act();
    } else if (event.key.length === 1 && !event.metaKey) {
      const place = findTyped(props, typed.current, event.key, index);
      if (place >= 0) {
        move(place);
      }
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
}

/** Open it; if it is open, go to what is first under it. */
function goIn<Row extends ITreeRow>(
  props: IVirtualTreeProps<Row>,
  row: Row,
  index: number,
  move: (index: number) => void
): void {
  if (row.isOpen === false) {
    props.onToggle?.(row, true);
  } else if (row.isOpen && (props.rows.at(index + 1)?.level ?? 0) > row.level) {
    move(index + 1);
  }
}

/** Close it; if nothing is open under it, go to what it is under. */
function goOut<Row extends ITreeRow>(
  props: IVirtualTreeProps<Row>,
  row: Row,
  index: number,
  move: (index: number) => void
): void {
  if (row.isOpen) {
    props.onToggle?.(row, false);
    return;
  }
  for (let above = index - 1; above >= 0; above -= 1) {
    if ((props.rows.at(above)?.level ?? 0) < row.level) {
      move(above);
      return;
    }
  }
}

/** The next row that begins with what was typed; -1: there is none. */
function findTyped<Row extends ITreeRow>(
  props: IVirtualTreeProps<Row>,
  typed: { text: string; at: number },
  key: string,
  index: number
): number {
  const now = Date.now();
  typed.text = now - typed.at > TYPING ? key : typed.text + key;
  typed.at = now;
  const wanted = typed.text.toLowerCase();
  const start = typed.text.length === 1 ? index + 1 : index;
  const { rows, textOf } = props;
  for (let step = 0; step < rows.length; step += 1) {
    const place = (start + step) % rows.length;
    const row = rows.at(place);
    if (row && textOf(row).toLowerCase().startsWith(wanted)) {
      return place;
    }
  }
  return -1;
}
