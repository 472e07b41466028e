/** What can be decided: one choice of several, what belongs to it, and what it would change. */
import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { CommandRegistry } from '@lumino/commands';
import { useEffect, useId, useMemo, useRef, useState } from 'react';

import type { IAnswering } from '../components/answering';
import { formOf, useAnswering } from '../components/answering';
import { Button } from '../components/blocks';
import { useTrans } from '../components/context';
import { FormFields } from '../components/form';
import { fieldsOf, Question, Refusal } from '../components/message-dialog';
import type { IField, IFormButton } from '../model/forms';
import { fieldsOfForm, isOf } from '../model/forms';
import { chosenOf, RETRY_CELL, SOURCE, sourceOf } from '../model/prompts';
import { CommandIDs } from '../tokens';
import type { IMessage } from '../wire';
import { SourceDifference, SourceEditor } from './source-editor';

interface IDecisionProps {
  readonly message: IMessage;
  readonly services: IEditorServices;
  readonly commands: CommandRegistry;
  /** Whether it still can be decided. */
  readonly isOpen: boolean;
  readonly onAnswered: (message: IMessage) => void;
  readonly onClose: () => void;
}

export function Decision(props: IDecisionProps): JSX.Element {
  const { message, isOpen, onAnswered } = props;
  const fields = useMemo(() => fieldsOfForm(formOf(message)), [message]);
  const answering = useAnswering(message, fields, onAnswered);
  const [name, setName] = useState<string | null>(null);
  const chosen = chosenOf(answering.buttons, name);
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // The first field that is wrong may be out of sight.
    frame.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [answering.refusals]);
  if (chosen === undefined) {
    return <></>;
  }
  const isFree = isOpen && !answering.isSending;
  return (
    <div ref={frame} className="jp-flowkernel-decision">
      {isOpen && (
        <>
          <Choices
            choices={answering.buttons}
            chosen={chosen}
            isDisabled={!isFree}
            onChoose={choice => {
              setName(choice);
              answering.decide(false); // It was asked about another choice.
            }}
          />
          <OwnFields answering={answering} chosen={chosen} fields={fields} />
        </>
      )}
      <Cell {...props} answering={answering} chosen={chosen} isFree={isFree} />
      {isOpen && <SendPart {...props} answering={answering} chosen={chosen} />}
    </div>
  );
}

/** Focus what is chosen in a page; without choices the page itself. */
export function focusChoice(page: Element): void {
  const chosen = page.querySelector<HTMLElement>('input[type="radio"]:checked');
  (chosen ?? (page as HTMLElement)).focus();
}

function Choices(props: {
  readonly choices: readonly IFormButton[];
  readonly chosen: IFormButton;
  readonly isDisabled: boolean;
  readonly onChoose: (name: string) => void;
}): JSX.Element {
  const { choices, chosen, isDisabled, onChoose } = props;
  const trans = useTrans();
  const id = useId();
  const group = useRef<HTMLFieldSetElement>(null);
  // The page may have been activated before its choices were read.
  useEffect(() => {
    const page = group.current?.closest('.jp-flowkernel-prompt-page');
    if (page && page === document.activeElement) {
      focusChoice(page);
    }
  }, []);
  return (
    <fieldset
      ref={group}
      className="jp-flowkernel-decisions"
      disabled={isDisabled}
    >
      <legend>{trans.__('What is to be done?')}</legend>
      {choices.map(({ name, label, help }) => (
        <div key={name} className="jp-flowkernel-choice">
          <label>
            <input
              type="radio"
              name={id}
              checked={name === chosen.name}
              aria-describedby={`${id}-${name}`}
              onChange={() => onChoose(name)}
            />
            {label}
          </label>
          <span id={`${id}-${name}`} className="jp-flowkernel-secondary">
            {help}
          </span>
        </div>
      ))}
    </fieldset>
  );
}

/** The cell that failed, to be edited if it is to run again, and what was changed in it. */
function Cell(
  props: IDecisionProps & {
    readonly answering: IAnswering;
    readonly chosen: IFormButton;
    readonly isFree: boolean;
  }
): JSX.Element | null {
  const { message, services, answering, chosen, isFree, isOpen } = props;
  const [round, setRound] = useState(0);
  // What the cell had when it was opened: the form may lose it with the kernel.
  const [original] = useState(() => sourceOf(formOf(message)));
  const [label] = useState(() => cellLabel(message));
  if (original === null) {
    return null;
  }
  const source = answering.texts[SOURCE] ?? original;
  const undo = (): void => {
    answering.setText(SOURCE, original);
    setRound(now => now + 1);
  };
  return (
    <>
      <h2>{label}</h2>
      <SourceEditor
        key={round}
        services={services}
        label={label}
        source={round === 0 ? source : original}
        isReadOnly={!isFree || chosen.name !== RETRY_CELL}
        onChange={text => answering.setText(SOURCE, text)}
        onSend={() => {
          if (isFree && chosen.name === RETRY_CELL) {
            answering.press(chosen);
          }
        }}
      />
      {isFree && chosen.name === RETRY_CELL && <NotebookWay {...props} />}
      {source !== original && (
        <Change
          services={services}
          source={source}
          original={original}
          isSent={!isOpen || chosen.name === RETRY_CELL}
          onUndo={isFree ? undo : null}
        />
      )}
    </>
  );
}

/** What was changed in the cell; or that it is not sent with what is chosen. */
function Change(props: {
  readonly services: IEditorServices;
  readonly source: string;
  readonly original: string;
  readonly isSent: boolean;
  readonly onUndo: (() => void) | null;
}): JSX.Element {
  const { services, source, original, isSent, onUndo } = props;
  const trans = useTrans();
  const label = trans.__('What you change');
  if (!isSent) {
    return (
      <p>
        {trans.__('Your changes of the cell are sent with “Retry cell” only.')}
      </p>
    );
  }
  return (
    <>
      <h2>{label}</h2>
      <SourceDifference
        services={services}
        label={label}
        source={source}
        original={original}
      />
      {onUndo !== null && (
        <Button label={trans.__('Undo these changes')} onClick={onUndo} />
      )}
    </>
  );
}

function cellLabel(message: IMessage): string {
  return formOf(message).properties[SOURCE]?.label ?? SOURCE;
}

/** The kernel that failed, in a notebook, and what to do there. */
function NotebookWay(props: {
  readonly commands: CommandRegistry;
  readonly message: IMessage;
}): JSX.Element | null {
  const { commands, message } = props;
  const trans = useTrans();
  const { about_id: executionId } = message;
  return executionId === null ? null : (
    <p className="jp-flowkernel-facts">
      <Button
        label={trans.__('Open in notebook')}
        onClick={() =>
          void commands.execute(CommandIDs.openInNotebook, { executionId })
        }
      />
      <span className="jp-flowkernel-secondary">
        {trans.__(
          'A copy, on the kernel that failed: look at variables and change them there; then come back, and retry the cell.'
        )}
      </span>
    </p>
  );
}

/** The fields of the choice; the source of the cell has an editor of its own. */
function OwnFields(props: {
  readonly answering: IAnswering;
  readonly chosen: IFormButton;
  readonly fields: readonly IField[];
}): JSX.Element | null {
  const { answering, chosen, fields } = props;
  const own = fields.filter(
    field => field.name !== SOURCE && isOf(field, chosen)
  );
  const visibleFields = [...answering.common, ...own];
  return visibleFields.length === 0 ? null : (
    <>
      <h2>{chosen.label}</h2>
      <FormFields {...fieldsOf(answering)} fields={visibleFields} />
    </>
  );
}

/** Why it was not answered, the question before it is, or the button. */
function SendPart(
  props: IDecisionProps & {
    readonly answering: IAnswering;
    readonly chosen: IFormButton;
  }
): JSX.Element {
  const { answering, chosen, onClose } = props;
  const trans = useTrans();
  return (
    <div className="jp-flowkernel-send">
      <Refusal answering={answering} />
      {answering.question !== null ? (
        <Question answering={answering} />
      ) : (
        <div className="jp-flowkernel-actions">
          <Button label={trans.__('Later')} onClick={onClose} />
          <Button
            label={answering.isSending ? trans.__('Sending…') : chosen.label}
            isPrimary
            isDisabled={answering.isSending}
            onClick={() => answering.press(chosen)}
          />
        </div>
      )}
    </div>
  );
}
