/** Tabs of which one is chosen: that one can be reached with Tab, arrows choose another. */
import type { KeyboardEvent, ReactNode } from 'react';
import { useRef } from 'react';

export interface ITab<Id extends string> {
  readonly id: Id;
  readonly content: ReactNode;
}

export function Tabs<Id extends string>(props: {
  readonly label: string;
  /** Begins the ids of the tabs in the document. */
  readonly prefix: string;
  /** The id of what they show. */
  readonly panelId: string;
  readonly tabs: readonly ITab<Id>[];
  readonly chosen: Id;
  readonly onChoose: (id: Id) => void;
  readonly className?: string;
}): JSX.Element {
  const { tabs, chosen, prefix, onChoose } = props;
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const place = tabs.findIndex(({ id }) => id === chosen);
    const next = nextPlace(event.key, place, tabs.length);
    const tab = tabs[next];
    if (tab !== undefined) {
      onChoose(tab.id);
      list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus();
      event.preventDefault();
    }
  };
  return (
    <div
      ref={list}
      role="tablist"
      aria-label={props.label}
      className={`jp-flowkernel-tabs ${props.className ?? ''}`}
      onKeyDown={onKeyDown}
    >
      {tabs.map(({ id, content }) => (
        <button
          key={id}
          id={`${prefix}-${id}`}
          type="button"
          role="tab"
          className="jp-flowkernel-tab"
          aria-selected={id === chosen}
          aria-controls={props.panelId}
          tabIndex={id === chosen ? 0 : -1}
          onClick={() => onChoose(id)}
        >
          {content}
        </button>
      ))}
    </div>
  );
}

/** Where a key leads from there; -1: nowhere. */
function nextPlace(key: string, place: number, count: number): number {
  switch (key) {
    case 'ArrowRight':
      return (place + 1) % count;
    case 'ArrowLeft':
      return (Math.max(0, place) + count - 1) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return -1;
  }
}
