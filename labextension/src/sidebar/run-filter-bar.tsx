/** Search, filters and grouping of the runs. */
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';

import { IconButton, SearchBox } from '../components/controls';
import { useTrans } from '../components/context';
import type { AgeFilter, IRunFilter, StateFilter } from '../model/filters';
import { AGES, isUnfiltered, NO_FILTER, STATES } from '../model/filters';
import type { ITranslate } from '../model/words';
import type { SidebarModel } from './sidebar-model';

/** What is typed is searched for after this pause. Milliseconds. */
const TYPING_PAUSE = 250;

export function RunFilterBar(props: {
  readonly model: SidebarModel;
}): JSX.Element {
  const { model } = props;
  const trans = useTrans();
  const view = useSyncExternalStore(model.view.subscribe, model.view.get);
  const { filter } = view;
  const choose = (change: Partial<IRunFilter>): void => {
    // As it is now: what is typed comes after a pause.
    model.view.set({ filter: { ...model.view.get().filter, ...change } });
  };
  const isFiltered = !isUnfiltered({ ...filter, text: '' });
  return (
    <div className="jp-flowkernel-bar">
      <div className="jp-flowkernel-bar-line">
        <RunSearch text={filter.text} onSearch={text => choose({ text })} />
        <IconButton
          icon={isFiltered ? 'filter-dot' : 'filter'}
          label={trans.__('Filter')}
          isPressed={view.showsFilter}
          onClick={() => model.view.set({ showsFilter: !view.showsFilter })}
        />
        <IconButton
          icon="group"
          label={trans.__('Group by flow')}
          isPressed={view.isGrouped}
          onClick={() => model.view.set({ isGrouped: !view.isGrouped })}
        />
      </div>
      {view.showsFilter && <Filters filter={filter} onChoose={choose} />}
      {isFiltered && (
        <div className="jp-flowkernel-bar-line">
          <span className="jp-flowkernel-filter-words">
            {filterWords(filter, trans)}
          </span>
          <IconButton
            icon="clear"
            label={trans.__('Show all runs')}
            onClick={() => choose({ ...NO_FILTER, text: filter.text })}
          />
        </div>
      )}
    </div>
  );
}

function RunSearch(props: {
  readonly text: string;
  readonly onSearch: (text: string) => void;
}): JSX.Element {
  const trans = useTrans();
  const [typed, setTyped] = useState(props.text);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const stop = (): void => {
    if (timer.current !== null) {
      clearTimeout(timer.current);
    }
  };
  useEffect(() => stop, []);
  useEffect(() => setTyped(props.text), [props.text]);
  const type = (text: string): void => {
    setTyped(text);
    stop();
    timer.current = setTimeout(() => props.onSearch(text), TYPING_PAUSE);
  };
  return (
    <SearchBox
      label={trans.__('Search the runs')}
      text={typed}
      onChange={type}
    />
  );
}

function Filters(props: {
  readonly filter: IRunFilter;
  readonly onChoose: (change: Partial<IRunFilter>) => void;
}): JSX.Element {
  const { filter, onChoose } = props;
  const trans = useTrans();
  return (
    <div className="jp-flowkernel-bar-line">
      <select
        className="jp-flowkernel-input jp-mod-styled"
        aria-label={trans.__('State')}
        value={filter.state}
        onChange={event =>
          onChoose({ state: event.target.value as StateFilter })
        }
      >
        {STATES.map(state => (
          <option key={state} value={state}>
            {stateWord(state, trans)}
          </option>
        ))}
      </select>
      <select
        className="jp-flowkernel-input jp-mod-styled"
        aria-label={trans.__('Age')}
        value={filter.age}
        onChange={event => onChoose({ age: event.target.value as AgeFilter })}
      >
        {AGES.map(age => (
          <option key={age} value={age}>
            {ageWord(age, trans)}
          </option>
        ))}
      </select>
    </div>
  );
}

function filterWords(filter: IRunFilter, trans: ITranslate): string {
  return [
    filter.flow === null ? '' : trans.__('Runs of %1', filter.flow),
    filter.state === 'all' ? '' : stateWord(filter.state, trans),
    filter.age === 'any' ? '' : ageWord(filter.age, trans)
  ]
    .filter(text => text !== '')
    .join(' · ');
}

function stateWord(state: StateFilter, trans: ITranslate): string {
  switch (state) {
    case 'all':
      return trans.__('All states');
    case 'active':
      return trans.__('Active');
    case 'failed':
      return trans.__('Failed');
    case 'succeeded':
      return trans.__('Succeeded');
    case 'cancelled':
      return trans.__('Cancelled');
    case 'archived':
      return trans.__('Archived');
  }
}

function ageWord(age: AgeFilter, trans: ITranslate): string {
  switch (age) {
    case 'any':
      return trans.__('Any time');
    case 'hour':
      return trans.__('Last hour');
    case 'day':
      return trans.__('Last 24 hours');
    case 'week':
      return trans.__('Last 7 days');
    case 'month':
      return trans.__('Last 30 days');
  }
}
