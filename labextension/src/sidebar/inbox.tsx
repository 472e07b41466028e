/** What waits for people, the oldest first; what was answered elsewhere says by whom, and goes. */
import { useEffect, useMemo, useRef, useState } from 'react';

import { EmptyState } from '../components/blocks';
import {
  useFlowkernel,
  useNow,
  useOpenMessages,
  useRun,
  useTrans
} from '../components/context';
import { overText, showMessageDialog } from '../components/message-dialog';
import { Ago, Left } from '../components/time';
import type { ITreeRow } from '../components/tree';
import { rowsOf, VirtualTree } from '../components/tree';
import type { ITranslate } from '../model/words';
import { CommandIDs } from '../tokens';
import type { IMessageRow } from '../wire';
import type { ISectionProps } from './panel';

/** What is over stays in sight for this time, so that people see what became of it. ms. */
const FAREWELL = 6_000;

interface IMessageLine extends ITreeRow {
  readonly message: IMessageRow;
}

export function InboxSection(props: ISectionProps): JSX.Element {
  const { commands } = props;
  const trans = useTrans();
  const messages = useMessagesInSight();
  const { flowkernel } = props.model;
  const answer = (messageId: string): void => {
    if (commands.hasCommand(CommandIDs.openMessage)) {
      void commands.execute(CommandIDs.openMessage, { messageId });
    } else {
      showMessageDialog(flowkernel, messageId, answer);
    }
  };
  const rows = messages.map((message, index): IMessageLine => ({
    key: message.message_id,
    level: 1,
    place: index + 1,
    siblings: messages.length,
    isOpen: null,
    message
  }));
  if (rows.length === 0) {
    return (
      <EmptyState title={trans.__('Nothing waits for you.')}>
        <p>
          {trans.__(
            'Questions of runs appear here, also those about cells that failed.'
          )}
        </p>
      </EmptyState>
    );
  }
  return (
    <VirtualTree
      label={trans.__('Inbox')}
      rows={rowsOf(rows)}
      height={4.6}
      textOf={row => row.message.subject}
      onOpen={({ message }) => {
        if (message.status === 'OPEN') {
          answer(message.message_id);
        }
      }}
      attributesOf={({ message }) => ({
        'data-message-id': message.message_id,
        'data-execution-id': message.about_id ?? message.execution_id
      })}
      render={row => <MessageRow message={row.message} />}
    />
  );
}

/** The messages that wait, and those that were here and are over since a moment. */
function useMessagesInSight(): readonly IMessageRow[] {
  const { store } = useFlowkernel();
  const open = useOpenMessages();
  const before = useRef(open);
  const [leaving, setLeaving] = useState<readonly ILeaving[]>([]);
  const now = useNow(leaving.length > 0);
  useEffect(() => {
    const ids = new Set(open.map(message => message.message_id));
    const until = Date.now() + FAREWELL;
    const gone = before.current
      .map(({ message_id: id }) => ({ id, until }))
      .filter(({ id }) => !ids.has(id));
    before.current = open;
    setLeaving(others => [...others.filter(({ id }) => !ids.has(id)), ...gone]);
  }, [open]);
  useEffect(
    () =>
      setLeaving(others =>
        others.every(({ until }) => until > now)
          ? others
          : others.filter(({ until }) => until > now)
      ),
    [now]
  );
  return useMemo(() => {
    const over = leaving.flatMap(({ id }) => store.message(id) ?? []);
    return [...over.filter(({ status }) => status !== 'OPEN'), ...open].sort(
      (a, b) => (a.message_id < b.message_id ? -1 : 1)
    );
  }, [open, leaving, store]);
}

/** A message that is over, and until when it is shown. */
interface ILeaving {
  readonly id: string;
  readonly until: number;
}

function MessageRow(props: { readonly message: IMessageRow }): JSX.Element {
  const { message } = props;
  const trans = useTrans();
  const root = useRun(message.root_id);
  const isOver = message.status !== 'OPEN';
  return (
    <div className="jp-flowkernel-run" data-is-over={isOver}>
      <MessageIcon message={message} />
      <div className="jp-flowkernel-run-lines">
        <div className="jp-flowkernel-run-line">
          <span className="jp-flowkernel-subject" title={message.subject}>
            {message.subject}
          </span>
          <Ago at={message.created_at} />
        </div>
        <div className="jp-flowkernel-run-line jp-flowkernel-secondary">
          <span className="jp-flowkernel-run-detail" aria-live="polite">
            {isOver
              ? overText(message, trans)
              : waitText(message, root?.name ?? '', trans)}
          </span>
          {!isOver && <Left at={message.expires_at} />}
        </div>
      </div>
    </div>
  );
}

function waitText(
  message: IMessageRow,
  name: string,
  trans: ITranslate
): string {
  if (message.about_id !== null) {
    return name === ''
      ? trans.__('Decide what to do')
      : trans.__('Decide what to do, in %1', name);
  }
  return name === '' ? trans.__('A run asks') : trans.__('%1 asks', name);
}

function MessageIcon(props: { readonly message: IMessageRow }): JSX.Element {
  const { message } = props;
  const isAlarm = message.about_id !== null || message.message_type === 'ERROR';
  return (
    <svg
      className="jp-flowkernel-status-icon"
      data-status={
        message.status !== 'OPEN'
          ? 'ENDED_SUCCESS'
          : isAlarm
            ? 'ENDED_ERROR'
            : 'WAITING'
      }
      viewBox="0 0 16 16"
      aria-hidden
    >
      {message.status === 'OPEN' ? (
        <path d="M2.5 3 H13.5 V11 H8 L5 13.6 V11 H2.5 Z M8 5 V7.4 M8 9 V9.2" />
      ) : (
        <path d="M3.2 8.6 L6.6 12 L12.8 4.6" />
      )}
    </svg>
  );
}
