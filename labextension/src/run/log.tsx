/** What a run logged and printed: followed while it runs, searched, and read page by page. */
import { Clipboard } from '@jupyterlab/apputils';
import {
  useDeferredValue,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore
} from 'react';

import type { Api } from '../api';
import { Button, EmptyState, ErrorBlock, Loading } from '../components/blocks';
import { useFlowkernel, useRun, useTrans } from '../components/context';
import { momentOf } from '../model/durations';
import type { ILine, ILogSource, LogStream } from '../model/log-lines';
import { LogFollower, partsOf, placesOf, placesWith } from '../model/log-lines';
import { clockText } from './clock';
import { useOption } from './lab';
import { Bar, Search, TIMES, useHidden } from './log-bar';
import { useReading } from '../components/reading';
import type { ISectionProps } from './sections';
import { VirtualLines } from './virtual-lines';

/** Rows of one page, inclusive. */
const PAGE = 5_000;
/** Of a longer log, only so many rows at its end are read at first. */
const TAIL = 20_000;

export function Log(props: ISectionProps): JSX.Element {
  const { execution_id: executionId } = props.execution;
  const trans = useTrans();
  const [isWhole, setWhole] = useState(false);
  const { follower, version, error } = useLog(executionId, isWhole);
  if (version === 0) {
    return error === null ? (
      <Loading />
    ) : (
      <ErrorBlock title={trans.__('The log cannot be read')} error={error} />
    );
  }
  return (
    <div className="jp-flowkernel-log">
      {error !== null && (
        <ErrorBlock
          title={trans.__('The rest of the log cannot be read')}
          error={error}
        />
      )}
      {follower.hasEarlier && (
        <p>
          {trans.__('This is the end of a long log.')}{' '}
          <Button
            label={trans.__('Read all of it')}
            onClick={() => setWhole(true)}
          />
        </p>
      )}
      <Lines executionId={executionId} follower={follower} version={version} />
    </div>
  );
}

function useLog(
  executionId: string,
  isWhole: boolean
): {
  readonly follower: LogFollower;
  readonly version: number;
  readonly error: unknown;
} {
  const { api } = useFlowkernel();
  const follower = useMemo(
    () => new LogFollower(sourceOf(api, executionId), isWhole),
    [api, executionId, isWhole]
  );
  useEffect(() => () => follower.stop(), [follower]);
  // Each change of the run may have brought lines: how far it is comes with them.
  const run = useRun(executionId);
  const { error } = useReading(`${executionId} ${isWhole}`, run, () =>
    follower.read()
  );
  const version = useSyncExternalStore(follower.subscribe, follower.version);
  return { follower, version, error };
}

function sourceOf(api: Api, executionId: string): ILogSource {
  return {
    page: async afterSeq => {
      const page = await api.log(executionId, {
        after_seq: afterSeq,
        limit: PAGE
      });
      return { rows: page.rows, isLast: page.next === null };
    },
    tail: async () => {
      const { rows } = await api.sql(
        'SELECT seq FROM log ' +
          `WHERE execution_id = '${executionId}'::UUID ` +
          `ORDER BY seq DESC LIMIT 1 OFFSET ${TAIL}`
      );
      const seq = rows[0]?.[0];
      return seq === undefined ? null : Number(seq);
    }
  };
}

function Lines(props: {
  readonly executionId: string;
  readonly follower: LogFollower;
  readonly version: number;
}): JSX.Element {
  const { executionId, follower, version } = props;
  const trans = useTrans();
  const [hasTime] = useOption<boolean>(TIMES, true);
  const [hidden] = useHidden();
  const [isFollowed, setFollowed] = useState(true);
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text);
  const { count, lineAt } = useLines(follower, version, hidden);
  const finds = useMemo(
    () => placesWith(count, place => lineAt(place)?.text ?? '', wanted),
    [count, lineAt, wanted]
  );
  const { goal, at, move } = useFinds(finds, wanted, hidden);
  return (
    <>
      <Bar
        executionId={executionId}
        streams={follower.log.streams}
        isFollowed={isFollowed}
        onFollow={setFollowed}
        onCopy={() => copy(count, lineAt)}
      >
        <Search
          text={text}
          onChange={setText}
          onMove={move}
          count={wanted === '' ? null : finds.length}
          at={at}
        />
      </Bar>
      {follower.log.lines.length === 0 ? (
        <EmptyState title={trans.__('It has logged and printed nothing.')} />
      ) : (
        <VirtualLines
          label={trans.__('Log')}
          count={count}
          goal={goal}
          isAtEnd={isFollowed}
          onAtEnd={setFollowed}
          render={place => (
            <Line
              line={lineAt(place)}
              hasTime={hasTime}
              wanted={wanted}
              isFound={finds[at] === place}
            />
          )}
        />
      )}
    </>
  );
}

type LineAt = (place: number) => ILine | undefined;

/** The lines of the streams that are shown; `lineAt` is another one when there are more. */
function useLines(
  follower: LogFollower,
  version: number,
  hidden: ReadonlySet<LogStream>
): { readonly count: number; readonly lineAt: LineAt } {
  return useMemo(() => {
    const { log } = follower;
    const places = placesOf(log, hidden);
    return {
      count: places?.length ?? log.lines.length,
      lineAt: place => log.lines[places === null ? place : places[place]!]
    };
    // The lines of a log are added to: its version says so.
  }, [follower, hidden, version]);
}

function copy(count: number, lineAt: LineAt): void {
  const lines = Array.from(
    { length: count },
    (_, place) => lineAt(place)?.text
  );
  Clipboard.copyToSystem(lines.join('\n'));
}

/** One of what was found at a time: at first the last one before the end. */
function useFinds(
  finds: readonly number[],
  wanted: string,
  hidden: ReadonlySet<LogStream>
): {
  readonly goal: { readonly place: number } | null;
  readonly at: number;
  readonly move: (step: number) => void;
} {
  const [at, setAt] = useState(0);
  const [goal, setGoal] = useState<{ readonly place: number } | null>(null);
  const show = (index: number): void => {
    const place = finds[index];
    setAt(index);
    setGoal(place === undefined ? null : { place });
  };
  // Another text, or other streams, begin again: lines that are added move nothing.
  useEffect(() => show(0), [wanted, hidden]);
  const move = (step: number): void => {
    if (finds.length > 0) {
      show((at + step + finds.length) % finds.length);
    }
  };
  return { goal, at, move };
}

function Line(props: {
  readonly line: ILine | undefined;
  readonly hasTime: boolean;
  readonly wanted: string;
  readonly isFound: boolean;
}): JSX.Element | null {
  const { line, hasTime, wanted, isFound } = props;
  if (line === undefined) {
    return null;
  }
  const parts = wanted === '' ? [line.text] : partsOf(line.text, wanted);
  return (
    <span
      className="jp-flowkernel-log-line"
      data-stream={line.stream}
      data-found={isFound || undefined}
    >
      {hasTime && (
        <time dateTime={line.at} title={line.at}>
          {clockText(momentOf(line.at))}
        </time>
      )}
      <span>
        {parts.map((part, index) =>
          index % 2 === 1 ? <mark key={index}>{part}</mark> : part
        )}
      </span>
    </span>
  );
}
