/** The page of a question: what failed, why, who waits for it, and what can be decided. */
import type { IEditorServices } from '@jupyterlab/codeeditor';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import { useEffect, useState } from 'react';

import { formOf } from '../components/answering';
import { Button, ErrorBlock, Loading } from '../components/blocks';
import {
  FlowkernelProvider,
  useFlowkernel,
  useNow,
  useOpenMessages,
  useTrans
} from '../components/context';
import { EngineBanner } from '../components/engine-banner';
import { Markdown } from '../components/markdown';
import { NextMessage, overText } from '../components/message-dialog';
import { Ago } from '../components/time';
import { durationText } from '../model/durations';
import { buttonsOf } from '../model/forms';
import { othersThan, pressedOf, timeLeft } from '../model/prompts';
import { Parents } from '../run/page';
import type { IFlowkernel } from '../tokens';
import type { IExecution, IMessage, IMessageRow } from '../wire';
import { Decision, focusChoice } from './decision';
import type { IPrompt } from './use-message';
import { useMessageRow, usePrompt } from './use-message';

/** Lines of a traceback that the message has itself: more can be unfolded. */
const SHOWN_LINES = 12;

export interface IPromptPageOptions {
  readonly flowkernel: IFlowkernel;
  readonly commands: CommandRegistry;
  readonly services: IEditorServices;
  readonly messageId: string;
}

export class PromptPage extends ReactWidget {
  constructor(private readonly _options: IPromptPageOptions) {
    super();
    this.addClass('jp-flowkernel-panel');
    this.addClass('jp-flowkernel-prompt-page');
    const { flowkernel, messageId } = _options;
    const subject = flowkernel.store.message(messageId)?.subject;
    this._setName(subject ?? flowkernel.trans.__('Question'));
  }

  get messageId(): string {
    return this._options.messageId;
  }

  /** Called with what a person chose to look at next. */
  onNext: (messageId: string) => void = () => undefined;
  onClose: () => void = () => undefined;

  /** The choice has the focus: arrows choose another one. */
  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    focusChoice(this.node);
  }

  protected render(): JSX.Element {
    return (
      <FlowkernelProvider flowkernel={this._options.flowkernel}>
        <PromptReader
          {...this._options}
          onName={name => this._setName(name)}
          onNext={messageId => this.onNext(messageId)}
          onClose={() => this.onClose()}
        />
      </FlowkernelProvider>
    );
  }

  private _setName(name: string): void {
    this.title.label = name;
    this.title.caption = name;
  }
}

interface IPageProps extends IPromptPageOptions {
  readonly onName: (name: string) => void;
  readonly onNext: (messageId: string) => void;
  readonly onClose: () => void;
}

function PromptReader(props: IPageProps): JSX.Element {
  const { messageId, onName, onClose } = props;
  const trans = useTrans();
  const { value: prompt, error } = usePrompt(messageId);
  const subject = prompt?.message.subject;
  useEffect(() => {
    if (subject !== undefined) {
      onName(subject);
    }
  });
  // What was read stays, with what a person typed, also if it cannot be read again.
  if (prompt !== null) {
    return <Prompt {...props} prompt={prompt} />;
  }
  return error === null ? (
    <Loading />
  ) : (
    <ErrorBlock
      title={trans.__('The message cannot be read')}
      error={error}
      actions={[{ label: trans.__('Close'), onClick: onClose }]}
    />
  );
}

function Prompt(props: IPageProps & { readonly prompt: IPrompt }): JSX.Element {
  const { message, failed } = props.prompt;
  const trans = useTrans();
  const [answered, setAnswered] = useState<IMessage | null>(null);
  const row = useMessageRow(message.message_id) ?? message;
  const isOpen = row.status === 'OPEN' && answered === null;
  return (
    <section
      className="jp-flowkernel-prompt-body"
      aria-label={trans.__('Decide: %1', message.subject)}
    >
      <EngineBanner />
      {failed !== null && (
        <Parents
          executionId={failed.execution_id}
          parentId={failed.adopted_by ?? failed.parent_id}
        />
      )}
      <h1 className="jp-flowkernel-run-title">{message.subject}</h1>
      {isOpen ? (
        <WaitFacts message={message} failed={failed} />
      ) : (
        <Outcome {...props} answered={answered} row={row} />
      )}
      {message.message !== null && message.message !== '' && (
        <Markdown text={message.message} />
      )}
      <Traceback failed={failed} />
      <Decision
        {...props}
        message={message}
        isOpen={isOpen}
        onAnswered={setAnswered}
      />
    </section>
  );
}

/** Since when it waits, until when, and where to look at the run. */
function WaitFacts(props: {
  readonly message: IMessage;
  readonly failed: IExecution | null;
}): JSX.Element {
  const { message, failed } = props;
  const { open } = useFlowkernel();
  const trans = useTrans();
  return (
    <p className="jp-flowkernel-facts">
      <span>
        {trans.__('asked')} <Ago at={message.created_at} />
      </span>
      <Countdown expiresAt={message.expires_at} />
      {failed !== null && (
        <Button
          label={trans.__('Look at the run')}
          onClick={() => open(failed.execution_id)}
        />
      )}
    </p>
  );
}

function Countdown(props: { readonly expiresAt: string | null }): JSX.Element {
  const trans = useTrans();
  const now = useNow(props.expiresAt !== null);
  const left = timeLeft(props.expiresAt, now);
  if (left === null) {
    return <span>{trans.__('it waits without a limit')}</span>;
  }
  const text = durationText(Math.round(left.seconds));
  return (
    <span
      className="jp-flowkernel-took"
      role="timer"
      data-is-short={left.isShort || undefined}
      title={trans.__('Without an answer it fails then.')}
    >
      {trans.__('%1 left for an answer', text)}
    </span>
  );
}

/** The whole traceback, where the message has only its end. */
function Traceback(props: {
  readonly failed: IExecution | null;
}): JSX.Element | null {
  const trans = useTrans();
  const text = props.failed?.error?.traceback?.trimEnd() ?? '';
  const lines = text.split('\n').length;
  return lines <= SHOWN_LINES ? null : (
    <details className="jp-flowkernel-more">
      <summary>{trans.__('The whole traceback (%1 lines)', lines)}</summary>
      <pre className="jp-flowkernel-source" tabIndex={0}>
        {text}
      </pre>
    </details>
  );
}

/** It is decided, here or elsewhere, or no longer needed; and what waits, too. */
function Outcome(
  props: IPageProps & {
    readonly prompt: IPrompt;
    readonly answered: IMessage | null;
    readonly row: IMessageRow;
  }
): JSX.Element {
  const { answered, row, onNext, onClose } = props;
  const { message } = props.prompt;
  const { open } = useFlowkernel();
  const trans = useTrans();
  const others = othersThan(message.message_id, useOpenMessages());
  const choices = buttonsOf(formOf(message), trans.__('OK'));
  const response = answered?.response ?? message.response;
  const pressed = pressedOf(response, choices);
  const choice = pressed === null ? '' : `${pressed.label}: `;
  const state = answered === null ? overText(row, trans) : trans.__('answered');
  return (
    <div className="jp-flowkernel-settled">
      <p role="status">
        <strong>{choice + state}</strong>
      </p>
      {message.about_id !== null && (
        <Button
          label={trans.__('Look at the run')}
          onClick={() => open(message.about_id ?? message.execution_id)}
        />
      )}
      {others.length > 0 ? (
        <NextMessage messages={others} onNext={onNext} onClose={onClose} />
      ) : (
        <Button label={trans.__('Close')} isPrimary onClick={onClose} />
      )}
    </div>
  );
}
