/** The parts of the page of a run, one at a time: each is a component of its own. */
import type { ComponentType, KeyboardEvent } from 'react';
import { useEffect, useId, useRef, useSyncExternalStore } from 'react';

import { useTrans } from '../components/context';
import type { ITranslate } from '../model/words';
import type { IExecution } from '../wire';
import { useLab, useOption } from './lab';
import { Lineage } from './lineage';
import { Log } from './log';
import { Notebook } from './notebook';
import { Overview } from './overview';
import { Timeline } from './timeline';
import { Tries } from './tries';
import { RunsUnder } from './under';

export interface ISectionProps {
  /** As it was read last; read again after each change of it. */
  readonly execution: IExecution;
}

export interface ISection {
  readonly id: string;
  readonly label: (trans: ITranslate) => string;
  readonly component: ComponentType<ISectionProps>;
}

/** In the order of their tabs. */
export const SECTIONS: readonly ISection[] = [
  {
    id: 'overview',
    label: trans => trans.__('Overview'),
    component: Overview
  },
  {
    id: 'timeline',
    label: trans => trans.__('Timeline'),
    component: Timeline
  },
  {
    id: 'notebook',
    label: trans => trans.__('Notebook'),
    component: Notebook
  },
  { id: 'log', label: trans => trans.__('Log'), component: Log },
  {
    id: 'under',
    label: trans => trans.__('Runs under it'),
    component: RunsUnder
  },
  {
    id: 'lineage',
    label: trans => trans.__('Lineage'),
    component: Lineage
  },
  { id: 'tries', label: trans => trans.__('Compare'), component: Tries }
];

/** Tabs, and below them the section that was chosen, which has the rest of the page. */
export function Sections(props: ISectionProps): JSX.Element {
  const { execution } = props;
  const prefix = useId();
  const [section, choose] = useSection(execution.execution_id);
  const { id, component: Component } = section;
  return (
    <>
      <Tabs prefix={prefix} chosen={id} onChoose={choose} />
      <div
        key={id}
        role="tabpanel"
        id={`${prefix}-panel`}
        className="jp-flowkernel-run-section"
        aria-labelledby={`${prefix}-${id}`}
        tabIndex={0}
      >
        <Component execution={execution} />
      </div>
    </>
  );
}

/** What was chosen for this run; for one that is opened first, what was chosen last. */
function useSection(
  executionId: string
): readonly [ISection, (id: string) => void] {
  const { options } = useLab();
  const isReady = useSyncExternalStore(options.subscribe, options.isReady);
  const [last, setLast] = useOption<string>('section', 'overview');
  const [own, setOwn] = useOption<string>(`section:${executionId}`, '');
  const id = own || last;
  // From then on what is chosen for other runs changes nothing here.
  useEffect(() => {
    if (isReady && own === '') {
      setOwn(id);
    }
  }, [isReady, own, id, setOwn]);
  const choose = (chosen: string): void => {
    setOwn(chosen);
    setLast(chosen);
  };
  const section = SECTIONS.find(section => section.id === id) ?? SECTIONS[0]!;
  return [section, choose];
}

function Tabs(props: {
  readonly prefix: string;
  readonly chosen: string;
  readonly onChoose: (id: string) => void;
}): JSX.Element {
  const { prefix, chosen, onChoose } = props;
  const trans = useTrans();
  const tabs = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const place = nextPlace(event.key, chosen);
    const next = SECTIONS[place];
    if (next !== undefined) {
      onChoose(next.id);
      tabs.current?.querySelectorAll<HTMLElement>('[role=tab]')[place]?.focus();
      event.preventDefault();
    }
  };
  return (
    <div
      ref={tabs}
      role="tablist"
      aria-label={trans.__('Parts of the run')}
      className="jp-flowkernel-tabs jp-flowkernel-run-tabs"
      onKeyDown={onKeyDown}
    >
      {SECTIONS.map(({ id, label }) => (
        <button
          key={id}
          id={`${prefix}-${id}`}
          type="button"
          role="tab"
          className="jp-flowkernel-tab"
          aria-selected={id === chosen}
          aria-controls={`${prefix}-panel`}
          tabIndex={id === chosen ? 0 : -1}
          onClick={() => onChoose(id)}
        >
          {label(trans)}
        </button>
      ))}
    </div>
  );
}

/** Where a key leads from there; -1: nowhere. */
function nextPlace(key: string, chosen: string): number {
  const place = SECTIONS.findIndex(({ id }) => id === chosen);
  const last = SECTIONS.length - 1;
  switch (key) {
    case 'ArrowRight':
      return place === last ? 0 : place + 1;
    case 'ArrowLeft':
      return place <= 0 ? last : place - 1;
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return -1;
  }
}
