/** The parts of the page of a run, one at a time: each is a component of its own. */
import type { ComponentType } from 'react';
import { useEffect, useId, useSyncExternalStore } from 'react';

import { useTrans } from '../components/context';
import { Tabs } from '../components/tabs';
import type { ITranslate } from '../model/words';
import type { IExecution } from '../wire';
import { useLab, useOption } from './lab';
import { Lineage } from './lineage';
import { Log } from './log';
import { Notebook } from './notebook';
import { Overview } from './overview';
import { OfSubject } from './subject';
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
  /**
   * What it is about if the run is a wrapper: what that runs, by default or always; undefined:
   * the wrapper itself.
   */
  readonly of?: 'chosen' | 'subject';
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
    component: Notebook,
    of: 'chosen'
  },
  {
    id: 'log',
    label: trans => trans.__('Log'),
    component: Log,
    of: 'chosen'
  },
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
  {
    id: 'tries',
    label: trans => trans.__('Compare'),
    component: Tries,
    of: 'subject'
  }
];

/** Tabs, and below them the section that was chosen, which has the rest of the page. */
export function Sections(props: ISectionProps): JSX.Element {
  const { execution } = props;
  const trans = useTrans();
  const prefix = useId();
  const [section, choose] = useSection(execution.execution_id);
  const { id, component: Component, of } = section;
  return (
    <>
      <Tabs
        className="jp-flowkernel-run-tabs"
        label={trans.__('Parts of the run')}
        prefix={prefix}
        panelId={`${prefix}-panel`}
        tabs={SECTIONS.map(({ id, label }) => ({ id, content: label(trans) }))}
        chosen={id}
        onChoose={choose}
      />
      <div
        key={id}
        role="tabpanel"
        id={`${prefix}-panel`}
        className="jp-flowkernel-run-section"
        aria-labelledby={`${prefix}-${id}`}
        tabIndex={0}
      >
        {of === undefined ? (
          <Component execution={execution} />
        ) : (
          <OfSubject
            execution={execution}
            component={Component}
            canChoose={of === 'chosen'}
          />
        )}
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
  // From then on what is chosen for other runs changes nothing here. Who has chosen before this
  // runs, as on a busy machine, keeps that.
  useEffect(() => {
    if (isReady && options.get(`section:${executionId}`, '') === '') {
      setOwn(id);
    }
  }, [isReady, options, executionId, own, id, setOwn]);
  const choose = (chosen: string): void => {
    setOwn(chosen);
    setLast(chosen);
  };
  const section = SECTIONS.find(section => section.id === id) ?? SECTIONS[0]!;
  return [section, choose];
}
