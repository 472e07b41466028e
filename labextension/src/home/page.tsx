/** The page one opens in the morning: what runs, what waits, what failed, and how long things take. */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReactNode } from 'react';
import { useCallback, useMemo } from 'react';

import { Button, Loading } from '../components/blocks';
import {
  FlowkernelProvider,
  useFlowkernel,
  useOpenMessages,
  useRun,
  useSlowNow,
  useStore,
  useTrans
} from '../components/context';
import { IconButton } from '../components/controls';
import { EngineBanner, ReadFailure } from '../components/engine-banner';
import type { IRead } from '../components/reading';
import { useReading } from '../components/reading';
import { StatusIcon } from '../components/status';
import { Ago, Left, Took } from '../components/time';
import { activeRuns, failedRuns, sinceYesterday } from '../model/home';
import type { RunStore } from '../model/store';
import { detailText, firstLine, statusWord } from '../model/words';
import type { IFlowkernel } from '../tokens';
import { CommandIDs } from '../tokens';
import type { IHomeRun, IMessageRow } from '../wire';
import { DAYS, FlowCharts, SlowestCells } from './charts';

/** Rows of a list before a person asks for the rest, inclusive. */
const SHOWN = 12;

export class HomePage extends ReactWidget {
  constructor(
    private readonly _flowkernel: IFlowkernel,
    private readonly _commands: CommandRegistry
  ) {
    super();
    this.addClass('jp-flowkernel-panel');
    this.addClass('jp-flowkernel-home-page');
  }

  protected render(): JSX.Element {
    return (
      <FlowkernelProvider flowkernel={this._flowkernel}>
        <Home commands={this._commands} />
      </FlowkernelProvider>
    );
  }
}

/** So often at most the page is read again while runs end. Milliseconds. */
const READ_PAUSE = 60_000;

/** When yesterday began; another moment after midnight, for the page may stay open. */
function useYesterday(): Date {
  const midnight = sinceYesterday(new Date(useSlowNow())).getTime();
  return useMemo(() => new Date(midnight), [midnight]);
}

/** Another number after a root ended: then lists and charts are others. */
function useEndings(): number {
  const { store } = useFlowkernel();
  return useStore(() => store.endings, 'root-rows', 'roots');
}

interface IHomeProps {
  readonly commands: CommandRegistry;
}

function Home(props: IHomeProps): JSX.Element {
  const { api } = useFlowkernel();
  const trans = useTrans();
  const since = useYesterday();
  const version = `${useEndings()} ${since.getTime()}`;
  const summary = useReading(
    'summary',
    version,
    () => api.homeSummary(since),
    READ_PAUSE
  );
  const charts = useReading(
    'charts',
    version,
    () => api.charts(DAYS),
    READ_PAUSE
  );
  const readAgain = (): void => {
    summary.again();
    charts.again();
  };
  return (
    <section
      className="jp-flowkernel-home"
      aria-label={trans.__('Home of flowkernel')}
    >
      <div className="jp-flowkernel-home-title">
        <h1>{trans.__('flowkernel')}</h1>
        <IconButton
          icon="refresh"
          label={trans.__('Read everything again')}
          onClick={readAgain}
        />
      </div>
      <EngineBanner />
      <OpenMessages {...props} />
      <div className="jp-flowkernel-home-lists">
        <ActiveRuns {...props} />
        <ReadValue reading={summary}>
          {value => <FailedRuns {...props} read={value.failed} since={since} />}
        </ReadValue>
      </div>
      <Part title={trans.__('The last %1 days', DAYS)}>
        <ReadValue reading={charts}>
          {value => (
            <>
              <FlowCharts charts={value} {...props} />
              <SlowestCells cells={value.slowest_cells} />
            </>
          )}
        </ReadValue>
      </Part>
    </section>
  );
}

/** What was read, and why it cannot be read again; or that it is being read. */
function ReadValue<T>(props: {
  readonly reading: IRead<T>;
  readonly children: (value: T) => JSX.Element;
}): JSX.Element {
  const { value, error, again } = props.reading;
  const trans = useTrans();
  if (error === null && value === null) {
    return <Loading />;
  }
  return (
    <>
      {error !== null && (
        <ReadFailure
          title={trans.__('This cannot be read')}
          error={error}
          onRetry={again}
        />
      )}
      {value !== null && props.children(value)}
    </>
  );
}

function Part(props: {
  readonly title: string;
  readonly count?: number;
  readonly children: ReactNode;
}): JSX.Element {
  const { title, count } = props;
  return (
    <section className="jp-flowkernel-home-part" aria-label={title}>
      <h2>
        {title}
        {count !== undefined && count > 0 && (
          <>
            {' '}
            <span className="jp-flowkernel-badge">{count}</span>
          </>
        )}
      </h2>
      {props.children}
    </section>
  );
}

function OpenMessages(props: IHomeProps): JSX.Element {
  const messages = useOpenMessages();
  const trans = useTrans();
  return (
    <Part title={trans.__('Waits for a person')} count={messages.length}>
      {messages.length === 0 ? (
        <p>{trans.__('Nothing waits for you.')}</p>
      ) : (
        <ul className="jp-flowkernel-home-rows">
          {messages.slice(0, SHOWN).map(message => (
            <Message key={message.message_id} {...props} message={message} />
          ))}
        </ul>
      )}
      {messages.length > SHOWN && (
        <Button
          label={trans.__('Show all in the inbox')}
          onClick={() => void props.commands.execute(CommandIDs.openInbox)}
        />
      )}
    </Part>
  );
}

function Message(
  props: IHomeProps & { readonly message: IMessageRow }
): JSX.Element {
  const { message, commands } = props;
  const { message_id: messageId } = message;
  const trans = useTrans();
  const root = useRun(message.root_id);
  return (
    <li>
      <StatusIcon status="WAITING" />
      <button
        type="button"
        className="jp-flowkernel-link"
        onClick={() =>
          void commands.execute(CommandIDs.openMessage, { messageId })
        }
      >
        {message.subject}
      </button>
      {root !== undefined && <span>{trans.__('in %1', root.name)}</span>}
      <span>
        {trans.__('asked')} <Ago at={message.created_at} />
      </span>
      <Left at={message.expires_at} />
    </li>
  );
}

/** What `read` makes of all roots, again after each change of one. */
function useRoots<T>(read: (store: RunStore) => T): T {
  const { store } = useFlowkernel();
  const version = useStore(() => store.rootVersion, 'root-rows', 'roots');
  return useMemo(
    () => read(store),
    // The number says when the rows are others.
    [read, store, version]
  );
}

function ActiveRuns(props: IHomeProps): JSX.Element {
  const trans = useTrans();
  const runs = useRoots(activeRuns);
  return (
    <Part title={trans.__('Runs now')} count={runs.length}>
      {runs.length === 0 ? (
        <p>{trans.__('Nothing runs.')}</p>
      ) : (
        <ul className="jp-flowkernel-home-rows">
          {runs.slice(0, SHOWN).map(run => (
            <li key={run.execution_id}>
              <RunLink run={run} />
              <Took run={run} isShort />
              <span className="jp-flowkernel-home-detail">
                {firstLine(detailText(run, trans))}
              </span>
            </li>
          ))}
        </ul>
      )}
      <AllRunsButton {...props} count={runs.length} />
    </Part>
  );
}

function FailedRuns(
  props: IHomeProps & {
    readonly read: readonly IHomeRun[];
    readonly since: Date;
  }
): JSX.Element {
  const { read, since } = props;
  const trans = useTrans();
  const runs = useRoots(
    useCallback(
      (store: RunStore) => failedRuns(read, store, since),
      [read, since]
    )
  );
  return (
    <Part title={trans.__('Failed since yesterday')} count={runs.length}>
      {runs.length === 0 ? (
        <p>{trans.__('Nothing failed.')}</p>
      ) : (
        <ul className="jp-flowkernel-home-rows">
          {runs.slice(0, SHOWN).map(run => (
            <li key={run.execution_id}>
              <RunLink run={run} />
              <Ago at={run.ended_at ?? null} />
              <span className="jp-flowkernel-home-detail">
                {firstLine(run.status_message ?? '')}
              </span>
            </li>
          ))}
        </ul>
      )}
      <AllRunsButton {...props} count={runs.length} />
    </Part>
  );
}

function RunLink(props: { readonly run: IHomeRun }): JSX.Element {
  const { run } = props;
  const { open } = useFlowkernel();
  const trans = useTrans();
  return (
    <>
      <StatusIcon status={run.status} title={statusWord(run.status, trans)} />
      <button
        type="button"
        className="jp-flowkernel-link"
        onClick={() => open(run.execution_id)}
      >
        {run.name}
      </button>
    </>
  );
}

function AllRunsButton(
  props: IHomeProps & { readonly count: number }
): JSX.Element | null {
  const trans = useTrans();
  return props.count <= SHOWN ? null : (
    <Button
      label={trans.__('Show all runs')}
      onClick={() => void props.commands.execute(CommandIDs.openRuns)}
    />
  );
}
