/** What is shown of a log, and what is searched in it. */
import type { KeyboardEvent, ReactNode } from 'react';
import { useMemo } from 'react';

import { Button } from '../components/blocks';
import { useRun, useTrans } from '../components/context';
import { SearchBox } from '../components/controls';
import type { LogStream } from '../model/log-lines';
import { isEnded } from '../model/store';
import { Check } from './check';
import { useOption } from './lab';

const STREAMS: readonly LogStream[] = ['log', 'stdout', 'stderr', 'display'];
/** The choice whether the time of each line is shown. */
export const TIMES = 'log:times';

/** What is shown of a log, and how. */
export function Bar(props: {
  readonly executionId: string;
  readonly streams: ReadonlySet<LogStream>;
  readonly isFollowed: boolean;
  readonly onFollow: (isFollowed: boolean) => void;
  readonly onCopy: () => void;
  readonly children: ReactNode;
}): JSX.Element {
  const { executionId, isFollowed, onFollow } = props;
  const trans = useTrans();
  const run = useRun(executionId);
  const [hasTimes, setTimes] = useOption<boolean>(TIMES, true);
  const [hidden, toggle] = useHidden();
  const streams = STREAMS.filter(stream => props.streams.has(stream));
  return (
    <div
      className="jp-flowkernel-log-bar"
      role="group"
      aria-label={trans.__('What is shown of the log')}
    >
      {props.children}
      {streams.length > 1 &&
        streams.map(stream => (
          <Check
            key={stream}
            label={stream}
            isOn={!hidden.has(stream)}
            onChange={() => toggle(stream)}
          />
        ))}
      <Check label={trans.__('Times')} isOn={hasTimes} onChange={setTimes} />
      {run !== undefined && !isEnded(run.status) && (
        <Check
          label={trans.__('Follow')}
          isOn={isFollowed}
          onChange={onFollow}
        />
      )}
      <Button label={trans.__('Copy')} onClick={props.onCopy} />
    </div>
  );
}

/** A text to be found; Enter and Shift+Enter go on from one place to the next. */
export function Search(props: {
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly onMove: (step: number) => void;
  /** How often it is found; null: nothing is searched. */
  readonly count: number | null;
  readonly at: number;
}): JSX.Element {
  const { text, onChange, onMove, count, at } = props;
  const trans = useTrans();
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') {
      onMove(event.shiftKey ? -1 : 1);
    }
  };
  return (
    <>
      <div className="jp-flowkernel-log-search" onKeyDown={onKeyDown}>
        <SearchBox
          label={trans.__('Search the log')}
          text={text}
          onChange={onChange}
        />
      </div>
      {count !== null && <Finds at={at} count={count} onMove={onMove} />}
    </>
  );
}

/** The streams that are not shown. */
export function useHidden(): readonly [
  ReadonlySet<LogStream>,
  (stream: LogStream) => void
] {
  const [words, setWords] = useOption<string>('log:hidden', '');
  const hidden = useMemo(
    () => new Set(STREAMS.filter(stream => words.split(' ').includes(stream))),
    [words]
  );
  const toggle = (stream: LogStream): void =>
    setWords(
      STREAMS.filter(item => hidden.has(item) !== (item === stream)).join(' ')
    );
  return [hidden, toggle];
}

function Finds(props: {
  readonly at: number;
  readonly count: number;
  readonly onMove: (step: number) => void;
}): JSX.Element {
  const { at, count, onMove } = props;
  const trans = useTrans();
  return (
    <>
      <span role="status">
        {count === 0
          ? trans.__('not found')
          : trans.__('%1 of %2', at + 1, count)}
      </span>
      <Button
        label={trans.__('Previous')}
        isDisabled={count === 0}
        onClick={() => onMove(-1)}
      />
      <Button
        label={trans.__('Next')}
        isDisabled={count === 0}
        onClick={() => onMove(1)}
      />
    </>
  );
}
