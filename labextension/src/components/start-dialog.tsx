/** Starts a flow or a file with a form made from the parameters that it declares. */
import type { FormEvent } from 'react';
import { useState } from 'react';

import { EngineError, sentenceOf } from '../model/errors';
import type { FormTexts, IField, Problems } from '../model/forms';
import {
  fieldsOfSignature,
  initialTexts,
  readForm,
  readRefusal,
  withoutProblem
} from '../model/forms';
import type { IStartRequest } from '../model/start-request';
import { INTERACTIVE } from '../model/start-request';
import type { ITranslate } from '../model/words';
import type { IWrapperDraft } from '../model/wrapper-uses';
import { usesOf, withProblems } from '../model/wrapper-uses';
import type { IFlowkernel } from '../tokens';
import type {
  IExecution,
  ISignature,
  IWrapper,
  IWrapperUse,
  JsonObject
} from '../wire';
import { Button, ErrorBlock, Loading } from './blocks';
import { useTrans } from './context';
import { FormFields } from './form';
import { Modal, showModal } from './modal';
import { useReading } from './reading';
import { Wrappers } from './wrapper-fields';

/** What is to start, as it was read. */
export interface IStartable {
  readonly signature: ISignature;
  readonly description: string;
  /** What a run had that is run again: the form begins with it. */
  readonly inputs?: JsonObject;
  /** Whether somebody is asked anyway if it fails: its own wrappers do that. */
  readonly isInteractive: boolean;
  /** What it can be run through; none: that is not asked. */
  readonly wrappers?: readonly IWrapper[];
  /** The wrappers that it has itself. */
  readonly through?: readonly IWrapperUse[];
}

export interface IStartDialog {
  /** The name of the flow or file. */
  readonly name: string;
  readonly read: () => Promise<IStartable>;
  readonly start: (request: IStartRequest) => Promise<IExecution>;
  readonly onStarted: (execution: IExecution) => void;
  /** What people chose the last time. */
  readonly asksPerson: boolean;
  /** Whether the run that is run again kept its kernel. */
  readonly keepsKernel?: boolean;
  /** Whether the wrappers are in sight from the start. */
  readonly isWrapping?: boolean;
}

/** The name of the field for inputs that are not declared. */
const OTHERS = ' others';

export function showStartDialog(
  flowkernel: IFlowkernel,
  dialog: IStartDialog
): void {
  showModal(flowkernel, close => <StartDialog {...dialog} onClose={close} />);
}

function StartDialog(
  props: IStartDialog & { readonly onClose: () => void }
): JSX.Element {
  const trans = useTrans();
  const { value: startable, error } = useReading(props.name, null, props.read);
  return (
    <Modal title={trans.__('Run %1', props.name)} onClose={props.onClose}>
      {startable === null && error !== null ? (
        <>
          <ErrorBlock
            title={trans.__('This cannot be started')}
            error={error}
          />
          <div className="jp-flowkernel-actions">
            <Button label={trans.__('Close')} onClick={props.onClose} />
          </div>
        </>
      ) : startable === null ? (
        <Loading />
      ) : (
        <StartForm {...props} startable={startable} />
      )}
    </Modal>
  );
}

function StartForm(
  props: IStartDialog & {
    readonly startable: IStartable;
    readonly onClose: () => void;
  }
): JSX.Element {
  const { startable, onClose } = props;
  const trans = useTrans();
  const [fields] = useState(() => startFields(startable, trans));
  const [texts, setTexts] = useState<FormTexts>(() => initialTexts(fields));
  const [problems, setProblems] = useState<Problems>({});
  const [refusal, setRefusal] = useState('');
  const [name, setName] = useState('');
  const [asksPerson, setAsks] = useState(props.asksPerson);
  const [keepsKernel, setKeeps] = useState(props.keepsKernel === true);
  const [drafts, setDrafts] = useState<readonly IWrapperDraft[]>([]);
  const [isSending, setSending] = useState(false);
  const asksAnyway =
    startable.isInteractive || drafts.some(({ wrapper: use }) => asks(use));

  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget;
    const read = readForm(fields, texts);
    const using = usesOf(drafts);
    setProblems(read.problems);
    setDrafts(withProblems);
    setRefusal('');
    if (Object.keys(read.problems).length > 0 || using === null) {
      focusProblem(form);
      return;
    }
    setSending(true);
    try {
      const execution = await props.start({
        inputs: inputsOf(read.values),
        texts: read.texts,
        name: name.trim() === '' ? null : name.trim(),
        asksPerson: asksPerson && !asksAnyway,
        keepsKernel,
        using
      });
      onClose();
      props.onStarted(execution);
    } catch (error) {
      const { problems, rest } = readRefusal(sentenceOf(error), fields);
      setProblems(problems);
      setRefusal(
        rest === '' && !(error instanceof EngineError) ? String(error) : rest
      );
      setSending(false);
      focusProblem(form);
    }
  };

  return (
    <form
      className="jp-flowkernel-form"
      noValidate
      onSubmit={event => void submit(event)}
    >
      {startable.description !== '' && (
        <p className="jp-flowkernel-secondary">{startable.description}</p>
      )}
      <div className="jp-flowkernel-modal-body">
        <FormFields
          fields={fields}
          texts={texts}
          problems={problems}
          isDisabled={isSending}
          onChange={(field, text) => {
            setTexts(now => ({ ...now, [field]: text }));
            setProblems(now => withoutProblem(now, field));
          }}
        />
        <details className="jp-flowkernel-more" open={props.isWrapping}>
          <summary>{trans.__('More')}</summary>
          <label>
            {trans.__('Name of this run')}
            <input
              className="jp-flowkernel-input jp-mod-styled"
              type="text"
              value={name}
              placeholder={props.name}
              onChange={event => setName(event.target.value)}
            />
          </label>
          <Wrappers
            wrappers={startable.wrappers ?? []}
            through={startable.through ?? []}
            drafts={drafts}
            isDisabled={isSending}
            onChange={setDrafts}
          />
        </details>
        <Option
          label={trans.__(
            'If a cell fails, keep its kernel and ask me what to do'
          )}
          isOn={asksPerson || asksAnyway}
          isDisabled={asksAnyway}
          onChange={setAsks}
        />
        <Option
          label={trans.__(
            'Keep its kernel after the end, to look at its variables in a notebook'
          )}
          isOn={keepsKernel}
          onChange={setKeeps}
        />
        {refusal !== '' && (
          <ErrorBlock title={trans.__('It was not started')}>
            <p>{refusal}</p>
          </ErrorBlock>
        )}
      </div>
      <div className="jp-flowkernel-actions">
        <Button
          label={trans.__('Cancel')}
          onClick={onClose}
          isDisabled={isSending}
        />
        <button
          type="submit"
          className="jp-flowkernel-button jp-mod-styled jp-mod-accept"
          disabled={isSending}
        >
          {isSending ? trans.__('Starting…') : trans.__('Run')}
        </button>
      </div>
    </form>
  );
}

function asks(wrapper: IWrapper): boolean {
  return wrapper.name === INTERACTIVE.name;
}

function Option(props: {
  readonly label: string;
  readonly isOn: boolean;
  readonly isDisabled?: boolean;
  readonly onChange: (isOn: boolean) => void;
}): JSX.Element {
  return (
    <label className="jp-flowkernel-option">
      <input
        type="checkbox"
        className="jp-flowkernel-checkbox"
        checked={props.isOn}
        disabled={props.isDisabled}
        onChange={event => props.onChange(event.target.checked)}
      />
      {props.label}
    </label>
  );
}

/** What it declares; and if it takes other names, too, or declares nothing, one field for them. */
function startFields(
  startable: IStartable,
  trans: ITranslate
): readonly IField[] {
  const { signature, inputs = {} } = startable;
  const fields = fieldsOfSignature(signature, inputs);
  const names = new Set(fields.map(field => field.name));
  const more = Object.entries(inputs).filter(([name]) => !names.has(name));
  const moreText =
    more.length === 0 ? '' : JSON.stringify(Object.fromEntries(more), null, 1);
  const takesOthers =
    signature.takes_others || fields.length === 0 || more.length > 0;
  if (!takesOthers) {
    return fields;
  }
  const others: IField = {
    name: OTHERS,
    label:
      fields.length === 0
        ? trans.__('Inputs, as JSON')
        : trans.__('Other inputs, as JSON'),
    kind: 'json',
    help:
      fields.length === 0
        ? trans.__(
            'This flow declares no parameters: it takes any inputs, or none.'
          )
        : '',
    isRequired: false,
    takesNull: false,
    words: trans.__('an object of names and values'),
    initial: moreText,
    emptyMeans: '',
    example: '{"day": "monday"}',
    choices: [],
    limits: {},
    itemKind: 'text',
    leavesDefault: false
  };
  return [...fields, others];
}

function inputsOf(values: JsonObject): JsonObject {
  const { [OTHERS]: others, ...inputs } = values;
  return typeof others === 'object' && others !== null && !Array.isArray(others)
    ? { ...(others as JsonObject), ...inputs }
    : inputs;
}

/** The first field that is wrong has the focus, once it is drawn as such. */
function focusProblem(form: HTMLFormElement): void {
  requestAnimationFrame(() =>
    form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  );
}
