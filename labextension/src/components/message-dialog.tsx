/** A message with its form and buttons, to be answered over any page. */
import { useEffect, useState } from 'react';

import { EngineError, sentenceOf } from '../model/errors';
import type { FormTexts, IFormButton, Problems } from '../model/forms';
import {
  buttonsOf,
  fieldsOfForm,
  initialTexts,
  readForm
} from '../model/forms';
import type { ITranslate } from '../model/words';
import type { IFlowkernel } from '../tokens';
import type { IForm, IMessage, IMessageRow } from '../wire';
import { Button, ErrorBlock, Loading } from './blocks';
import { useFlowkernel, useRun, useStore, useTrans } from './context';
import { FormFields } from './form';
import { Markdown } from './markdown';
import { Modal, showModal } from './modal';
import { Ago } from './time';

const NO_FORM: IForm = { type: 'object', properties: {} };

export function showMessageDialog(
  flowkernel: IFlowkernel,
  messageId: string
): void {
  showModal(flowkernel, close => (
    <MessageDialog messageId={messageId} onClose={close} />
  ));
}

function MessageDialog(props: {
  readonly messageId: string;
  readonly onClose: () => void;
}): JSX.Element {
  const { onClose } = props;
  const { api, store } = useFlowkernel();
  const [messageId, setMessageId] = useState(props.messageId);
  const [isAnswered, setAnswered] = useState(false);
  const trans = useTrans();
  const [message, setMessage] = useState<IMessage | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    api.message(messageId).then(setMessage, setError);
  }, [api, messageId]);
  const others = (): readonly IMessageRow[] =>
    store.openMessages.filter(({ message_id: id }) => id !== messageId);
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
        <NextMessage
          messages={others()}
          onClose={onClose}
          onNext={id => {
            setMessage(null);
            setMessageId(id);
            setAnswered(false);
          }}
        />
      </Modal>
    );
  }
  return (
    <Modal title={message?.subject ?? trans.__('Message')} onClose={onClose}>
      {error !== null ? (
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
function NextMessage(props: {
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
  const { api, store } = useFlowkernel();
  const trans = useTrans();
  const form = message.body ?? NO_FORM;
  const [fields] = useState(() => fieldsOfForm(form));
  const [texts, setTexts] = useState<FormTexts>(() => initialTexts(fields));
  const [problems, setProblems] = useState<Problems>({});
  const [refusal, setRefusal] = useState('');
  const [question, setQuestion] = useState<IFormButton | null>(null);
  const [isSending, setSending] = useState(false);
  const buttons = buttonsOf(form, trans.__('OK'));
  const root = useRun(message.root_id);
  const owned = new Set(buttons.flatMap(({ fields }) => fields));
  const common = fields.filter(({ name }) => !owned.has(name));
  const row =
    useStore(() => store.message(message.message_id), 'messages') ?? message;

  const press = async (button: IFormButton): Promise<void> => {
    const own = fields.filter(({ name }) => button.fields.includes(name));
    const sent = [...common, ...own];
    const read = readForm(sent, texts, button.required ?? form.required ?? []);
    setProblems(read.problems);
    setRefusal('');
    setQuestion(null);
    if (Object.keys(read.problems).length > 0) {
      return;
    }
    setSending(true);
    try {
      await api.answer(message.message_id, {
        ...read.values,
        [button.name]: true
      });
      onAnswered();
    } catch (error) {
      setRefusal(sentenceOf(error));
      setSending(false);
      if (!(error instanceof EngineError)) {
        throw error;
      }
    }
  };

  const shared = {
    texts,
    problems,
    isDisabled: isSending,
    renderNote: (text: string) => <Markdown text={text} />,
    onChange: (name: string, text: string) =>
      setTexts(now => ({ ...now, [name]: text }))
  };
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
        <FormFields {...shared} fields={common} />
        {buttons
          .filter(button => button.fields.length > 0)
          .map(button => (
            <details key={button.name} className="jp-flowkernel-more">
              <summary>{trans.__('For “%1”', button.label)}</summary>
              <FormFields
                {...shared}
                fields={fields.filter(({ name }) =>
                  button.fields.includes(name)
                )}
              />
            </details>
          ))}
        {refusal !== '' && (
          <ErrorBlock title={trans.__('It was not answered')}>
            <p>{refusal}</p>
          </ErrorBlock>
        )}
      </div>
      {question !== null ? (
        <div role="alert" className="jp-flowkernel-question">
          <p>{question.confirm}</p>
          <div className="jp-flowkernel-actions">
            <Button label={trans.__('No')} onClick={() => setQuestion(null)} />
            <Button
              label={trans.__('Yes')}
              isPrimary
              onClick={() => void press(question)}
            />
          </div>
        </div>
      ) : (
        <div className="jp-flowkernel-actions">
          <Button label={trans.__('Later')} onClick={onClose} />
          {buttons.map((button, index) => (
            <Button
              key={button.name}
              label={button.label}
              isPrimary={index === 0}
              isDisabled={isSending}
              onClick={() =>
                button.confirm === '' ? void press(button) : setQuestion(button)
              }
            />
          ))}
        </div>
      )}
    </>
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
