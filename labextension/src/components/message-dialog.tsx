/** A message with its form and buttons, to be answered over any page. */
import { useState } from 'react';

import { fieldsOfForm, isOf } from '../model/forms';
import { othersThan } from '../model/prompts';
import type { ITranslate } from '../model/words';
import type { IFlowkernel } from '../tokens';
import type { IMessage, IMessageRow } from '../wire';
import type { IAnswering } from './answering';
import { formOf, useAnswering } from './answering';
import { Button, ErrorBlock, Loading } from './blocks';
import { useFlowkernel, useRun, useStore, useTrans } from './context';
import type { IFormFieldsProps } from './form';
import { FormFields } from './form';
import { Markdown } from './markdown';
import { Modal, showModal } from './modal';
import { useReading } from './reading';
import { Ago } from './time';

export function showMessageDialog(
  flowkernel: IFlowkernel,
  messageId: string,
  onNext: (messageId: string) => void
): void {
  showModal(flowkernel, close => (
    <MessageDialog
      messageId={messageId}
      onClose={close}
      onNext={next => {
        close();
        onNext(next);
      }}
    />
  ));
}

function MessageDialog(props: {
  readonly messageId: string;
  readonly onClose: () => void;
  readonly onNext: (messageId: string) => void;
}): JSX.Element {
  const { messageId, onClose, onNext } = props;
  const { api, store } = useFlowkernel();
  const [isAnswered, setAnswered] = useState(false);
  const trans = useTrans();
  const { value: message, error } = useReading(messageId, null, () =>
    api.message(messageId)
  );
  const others = (): readonly IMessageRow[] =>
    othersThan(messageId, store.openMessages);
  const finish = (): void => {
    if (others().length > 0) {
      setAnswered(true);
    } else {
      onClose();
    }
  };
  if (isAnswered) {
    return (
      <Modal title={trans.__('Answered')} onClose={onClose}>
        <NextMessage messages={others()} onClose={onClose} onNext={onNext} />
      </Modal>
    );
  }
  return (
    <Modal title={message?.subject ?? trans.__('Message')} onClose={onClose}>
      {message === null && error !== null ? (
        <ErrorBlock
          title={trans.__('The message cannot be read')}
          error={error}
          actions={[{ label: trans.__('Close'), onClick: onClose }]}
        />
      ) : message === null ? (
        <Loading />
      ) : (
        <MessageForm
          key={message.message_id}
          message={message}
          onClose={onClose}
          onAnswered={finish}
        />
      )}
    </Modal>
  );
}

/** What waits, too: the oldest comes next. */
export function NextMessage(props: {
  readonly messages: readonly IMessageRow[];
  readonly onNext: (messageId: string) => void;
  readonly onClose: () => void;
}): JSX.Element {
  const { messages, onNext, onClose } = props;
  const trans = useTrans();
  const [next] = messages;
  return (
    <>
      <p role="status">
        {trans._n('%1 more waits:', '%1 more wait; the next:', messages.length)}{' '}
        {next?.subject}
      </p>
      <div className="jp-flowkernel-actions">
        <Button label={trans.__('Close')} onClick={onClose} />
        {next !== undefined && (
          <Button
            label={trans.__('Next')}
            isPrimary
            onClick={() => onNext(next.message_id)}
          />
        )}
      </div>
    </>
  );
}

export function MessageForm(props: {
  readonly message: IMessage;
  readonly onClose: () => void;
  readonly onAnswered: () => void;
}): JSX.Element {
  const { message, onClose, onAnswered } = props;
  const { store } = useFlowkernel();
  const trans = useTrans();
  const [fields] = useState(() => fieldsOfForm(formOf(message)));
  const answering = useAnswering(message, fields, onAnswered);
  const { buttons, isSending, question } = answering;
  const root = useRun(message.root_id);
  const row =
    useStore(() => store.message(message.message_id), 'messages') ?? message;
  const shared = fieldsOf(answering);
  if (row.status !== 'OPEN' && !isSending) {
    return <Over message={row} onClose={onClose} />;
  }
  return (
    <>
      <p className="jp-flowkernel-secondary">
        {root !== undefined && `${root.name}, `}
        <Ago at={message.created_at} />
        {message.expires_at !== null && (
          <>
            {', '}
            {trans.__('to be answered:')} <Ago at={message.expires_at} />
          </>
        )}
      </p>
      <div className="jp-flowkernel-modal-body">
        {message.message !== null && message.message !== '' && (
          <Markdown text={message.message} />
        )}
        <FormFields {...shared} fields={answering.common} />
        {buttons
          .filter(button => button.fields.length > 0)
          .map(button => (
            <details key={button.name} className="jp-flowkernel-more">
              <summary>{trans.__('For “%1”', button.label)}</summary>
              <FormFields
                {...shared}
                fields={fields.filter(field => isOf(field, button))}
              />
            </details>
          ))}
        <Refusal answering={answering} />
      </div>
      {question !== null ? (
        <Question answering={answering} />
      ) : (
        <div className="jp-flowkernel-actions">
          <Button label={trans.__('Later')} onClick={onClose} />
          {buttons.map((button, index) => (
            <Button
              key={button.name}
              label={button.label}
              isPrimary={index === 0}
              isDisabled={isSending}
              onClick={() => answering.press(button)}
            />
          ))}
        </div>
      )}
    </>
  );
}

/** What the fields of a message have in common, wherever they stand. */
export function fieldsOf(
  answering: IAnswering
): Omit<IFormFieldsProps, 'fields'> {
  return {
    texts: answering.texts,
    problems: answering.problems,
    isDisabled: answering.isSending,
    renderNote: (text: string) => <Markdown text={text} />,
    onChange: answering.setText
  };
}

/** Why it was not answered. */
export function Refusal(props: {
  readonly answering: IAnswering;
}): JSX.Element | null {
  const { refusal } = props.answering;
  const trans = useTrans();
  return refusal === '' ? null : (
    <ErrorBlock title={trans.__('It was not answered')}>
      <p>{refusal}</p>
    </ErrorBlock>
  );
}

/** Asked once before a button counts. */
export function Question(props: {
  readonly answering: IAnswering;
}): JSX.Element {
  const { question, decide } = props.answering;
  const trans = useTrans();
  return (
    <div role="alert" className="jp-flowkernel-confirmation">
      <p>{question?.confirm}</p>
      <div className="jp-flowkernel-actions">
        <Button label={trans.__('No')} onClick={() => decide(false)} />
        <Button
          label={trans.__('Yes')}
          isPrimary
          onClick={() => decide(true)}
        />
      </div>
    </div>
  );
}

/** It was answered elsewhere meanwhile, or is no longer needed. */
function Over(props: {
  readonly message: IMessageRow;
  readonly onClose: () => void;
}): JSX.Element {
  const { message, onClose } = props;
  const trans = useTrans();
  return (
    <>
      <p role="status">{overText(message, trans)}</p>
      <div className="jp-flowkernel-actions">
        <Button label={trans.__('Close')} onClick={onClose} isPrimary />
      </div>
    </>
  );
}

/** What became of it: "answered by bob (notebook)". */
export function overText(message: IMessageRow, trans: ITranslate): string {
  const { answered_by: person, answered_from: place } = message;
  switch (message.status) {
    case 'ANSWERED':
      return person === null
        ? trans.__('answered')
        : trans.__('answered by %1 (%2)', person, place ?? '');
    case 'TIMED_OUT':
      return trans.__('nobody answered in time');
    default:
      return message.closed_why ?? trans.__('no longer needed');
  }
}
