/**
 * A form of fields that are declared: each with its label, its help, and what is wrong with it.
 *
 * It draws; `model/forms.ts` reads. The component that shows it has the texts and the problems.
 */
import { useId, useRef } from 'react';

import type { FormTexts, IField, Problem, Problems } from '../model/forms';
import { valueText } from '../model/forms';
import type { ITranslate } from '../model/words';
import { useTrans } from './context';

export interface IFormFieldsProps {
  readonly fields: readonly IField[];
  readonly texts: FormTexts;
  readonly problems: Problems;
  readonly onChange: (name: string, text: string) => void;
  readonly isDisabled?: boolean;
  /** Draws a text in Markdown; by default it stands as it is. */
  readonly renderNote?: (markdown: string) => JSX.Element;
}

export function FormFields(props: IFormFieldsProps): JSX.Element {
  return (
    <div className="jp-flowkernel-fields">
      {props.fields.map(field => (
        <FormField
          key={field.name}
          field={field}
          text={props.texts[field.name] ?? field.initial}
          problem={props.problems[field.name] ?? null}
          onChange={text => props.onChange(field.name, text)}
          isDisabled={props.isDisabled ?? false}
          renderNote={props.renderNote}
        />
      ))}
    </div>
  );
}

interface IFieldProps {
  readonly field: IField;
  readonly text: string;
  readonly problem: Problem | null;
  readonly onChange: (text: string) => void;
  readonly isDisabled: boolean;
  readonly renderNote?: (markdown: string) => JSX.Element;
}

function FormField(props: IFieldProps): JSX.Element {
  const { field, problem } = props;
  const trans = useTrans();
  const id = useId();
  if (field.kind === 'note') {
    return props.renderNote?.(field.help) ?? <p>{field.help}</p>;
  }
  const help = helpOf(field, trans);
  const described = [
    help === '' ? '' : `${id}-help`,
    problem === null ? '' : `${id}-problem`
  ];
  const label = (
    <span className="jp-flowkernel-field-label">
      {field.label}
      {field.isRequired && (
        <span className="jp-flowkernel-required">{trans.__('required')}</span>
      )}
    </span>
  );
  const control: IControl = {
    id,
    describedBy: described.filter(word => word !== '').join(' ') || undefined,
    isWrong: problem !== null
  };
  return (
    <div className="jp-flowkernel-form-field" data-kind={field.kind}>
      {field.kind === 'choices' ? (
        <Choices {...props} control={control} label={label} />
      ) : (
        <label htmlFor={id}>
          {field.kind === 'toggle' && <Control {...props} control={control} />}
          {label}
        </label>
      )}
      {field.kind !== 'toggle' && field.kind !== 'choices' && (
        <Control {...props} control={control} />
      )}
      {help !== '' && (
        <div id={`${id}-help`} className="jp-flowkernel-field-help">
          {help}
        </div>
      )}
      {problem !== null && (
        <div id={`${id}-problem`} className="jp-flowkernel-field-problem">
          {problemText(problem, trans)}
        </div>
      )}
    </div>
  );
}

/** What links a control to its label, its help and its problem. */
interface IControl {
  readonly id: string;
  readonly describedBy: string | undefined;
  readonly isWrong: boolean;
}

function Control(
  props: IFieldProps & { readonly control: IControl }
): JSX.Element {
  const { field, text, control } = props;
  const common = {
    id: control.id,
    name: field.name,
    disabled: props.isDisabled,
    'aria-describedby': control.describedBy,
    'aria-invalid': control.isWrong || undefined,
    'aria-required': field.isRequired || undefined,
    className: 'jp-flowkernel-input jp-mod-styled'
  };
  const onChange = (event: { target: { value: string } }) =>
    props.onChange(event.target.value);
  switch (field.kind) {
    case 'toggle':
      return (
        <input
          {...common}
          className="jp-flowkernel-checkbox"
          type="checkbox"
          checked={text === 'true'}
          onChange={event => props.onChange(String(event.target.checked))}
        />
      );
    case 'choice':
      return (
        <select {...common} value={text} onChange={onChange}>
          <ChoiceOptions field={field} />
        </select>
      );
    case 'long-text':
    case 'lines':
    case 'code':
    case 'json':
      return (
        <textarea
          {...common}
          rows={Math.min(12, Math.max(2, text.split('\n').length))}
          value={text}
          placeholder={field.example}
          spellCheck={field.kind === 'long-text'}
          data-is-code={
            field.kind === 'code' || field.kind === 'json' || undefined
          }
          onChange={onChange}
        />
      );
    case 'file':
      return <FileInput {...props} common={common} />;
    default:
      return (
        <input
          {...common}
          {...INPUTS[field.kind]}
          value={text}
          placeholder={field.example}
          autoComplete="off"
          spellCheck={false}
          onChange={onChange}
        />
      );
  }
}

const INPUTS: {
  readonly [kind: string]: React.InputHTMLAttributes<HTMLInputElement>;
} = {
  // A field of the type `number` hides what is no number; ours says what is wrong.
  whole: { type: 'text', inputMode: 'numeric' },
  number: { type: 'text', inputMode: 'decimal' },
  password: { type: 'password', autoComplete: 'new-password' },
  date: { type: 'date' },
  time: { type: 'time', step: 1 },
  'date-time': { type: 'datetime-local', step: 1 },
  text: { type: 'text' },
  any: { type: 'text' },
  value: { type: 'text' }
};

function ChoiceOptions(props: { readonly field: IField }): JSX.Element {
  const { field } = props;
  const trans = useTrans();
  return (
    <>
      {(!field.isRequired || field.initial === '') && (
        <option value="">{trans.__('(choose)')}</option>
      )}
      {field.choices.map((choice, index) => (
        <option key={index} value={String(index)}>
          {choiceText(choice, trans)}
        </option>
      ))}
    </>
  );
}

function choiceText(
  choice: IField['choices'][number],
  trans: ITranslate
): string {
  if (typeof choice === 'boolean') {
    return choice ? trans.__('yes') : trans.__('no');
  }
  return choice === null ? trans.__('none') : valueText(choice);
}

function Choices(
  props: IFieldProps & {
    readonly control: IControl;
    readonly label: JSX.Element;
  }
): JSX.Element {
  const { field, control } = props;
  const trans = useTrans();
  const chosen = new Set(props.text.split(',').filter(place => place !== ''));
  const choose = (place: string, isChosen: boolean): void => {
    const now = field.choices
      .map((_, index) => String(index))
      .filter(index => (index === place ? isChosen : chosen.has(index)));
    props.onChange(now.join(','));
  };
  return (
    <fieldset
      className="jp-flowkernel-choices"
      disabled={props.isDisabled}
      aria-describedby={control.describedBy}
    >
      <legend>{props.label}</legend>
      {field.choices.map((choice, index) => (
        <label key={index}>
          <input
            type="checkbox"
            className="jp-flowkernel-checkbox"
            checked={chosen.has(String(index))}
            onChange={event => choose(String(index), event.target.checked)}
          />
          {choiceText(choice, trans)}
        </label>
      ))}
    </fieldset>
  );
}

function FileInput(
  props: IFieldProps & {
    readonly common: React.InputHTMLAttributes<HTMLInputElement>;
  }
): JSX.Element {
  const newest = useRef<File | undefined>(undefined);
  const read = async (file: File | undefined): Promise<void> => {
    newest.current = file;
    props.onChange('');
    if (file === undefined) {
      return;
    }
    const content = await base64Of(file);
    if (file === newest.current) {
      props.onChange(JSON.stringify({ name: file.name, content }));
    }
  };
  return (
    <input
      {...props.common}
      type="file"
      onChange={event => void read(event.target.files?.[0])}
    />
  );
}

/** The content of a file in base64. */
function base64Of(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(',')[1] ?? '');
    reader.onerror = () => reject(new Error(reader.error?.message));
    reader.readAsDataURL(file);
  });
}

function helpOf(field: IField, trans: ITranslate): string {
  const isObvious = ['text', 'true or false'].includes(field.words);
  const words =
    isObvious || PICKED.has(field.kind) ? '' : capitalized(field.words);
  const empty =
    field.emptyMeans === ''
      ? ''
      : trans.__('If it stays empty: %1', field.emptyMeans);
  return [field.help, words, empty]
    .filter(text => text !== '')
    .map(text => (/[.!?…]$/.test(text) ? text : `${text}.`))
    .join(' ');
}

/** What is picked rather than typed, or has an example, needs no word about its form. */
const PICKED = new Set([
  'value',
  'toggle',
  'choice',
  'choices',
  'date',
  'time',
  'date-time'
]);

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function problemText(problem: Problem, trans: ITranslate): string {
  switch (problem.kind) {
    case 'missing':
      return trans.__('This is needed.');
    case 'wrong':
      return trans.__('This must be %1.', problem.words);
    case 'refused':
      return problem.sentence;
  }
}
