/** Fields made from the form of a message. */
import type { IForm, IFormProperty, Json, JsonObject } from '../wire';

export type FieldKind =
  /** A text of one line; of several; source; one that is not shown. */
  | 'text'
  | 'long-text'
  | 'code'
  | 'password'
  | 'whole'
  | 'number'
  /** A checkbox: its text is `true` or `false`. */
  | 'toggle'
  | 'date'
  | 'time'
  | 'date-time'
  /** One of `choices`, some of them: the text has their places, `1` or `0,2`. */
  | 'choice'
  | 'choices'
  /** A list of texts or numbers: one per line. */
  | 'lines'
  /** JSON; and JSON, or else the text itself. */
  | 'json'
  | 'any'
  /** A value that is typed as on a command line: `3`, `monday`, `[1, 2]`. */
  | 'value'
  /** The text is `{"name", "content"}`, the content in base64. */
  | 'file'
  /** Nothing to fill in: its help is a text to read. */
  | 'note';

export interface IField {
  readonly name: string;
  readonly label: string;
  readonly kind: FieldKind;
  /** In Markdown, if it is of a message. */
  readonly help: string;
  readonly isRequired: boolean;
  /** An empty field is null, if it had a value. */
  readonly takesNull: boolean;
  /** What it takes, in words; empty: anything. */
  readonly words: string;
  /** The text with which it begins. */
  readonly initial: string;
  /** What follows if it stays empty, as it is written: `today`. Empty: nothing. */
  readonly emptyMeans: string;
  readonly example: string;
  readonly choices: readonly Json[];
  readonly limits: Pick<
    IFormProperty,
    'minimum' | 'maximum' | 'minLength' | 'maxLength' | 'pattern'
  >;
  /** Of `lines`: what each of them is. */
  readonly itemKind: 'text' | 'whole' | 'number';
  /** Whether a value that was not changed is left out, so that the default counts. */
  readonly leavesDefault: boolean;
  /** Its value is one of an object: that of the property of this name, under the label. */
  readonly partOf?: string;
}

/** The texts of a form by the names of its fields. */
export type FormTexts = { readonly [name: string]: string };

/** What is wrong with a field. */
export type Problem =
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong'; readonly words: string }
  /** A sentence of the engine. */
  | { readonly kind: 'refused'; readonly sentence: string };

export type Problems = { readonly [name: string]: Problem };

export interface IFormValues {
  readonly values: JsonObject;
  /** What was typed, where the JSON of the value is another text. */
  readonly texts: { readonly [name: string]: string };
  readonly problems: Problems;
}

/** A button of the form of a message. */
export interface IFormButton {
  readonly name: string;
  readonly label: string;
  /** What follows from it; empty: the label says it. */
  readonly help: string;
  /** A question that is asked before it counts; empty: none. */
  readonly confirm: string;
  /** What must be filled in for it; null: what the form requires. */
  readonly required: readonly string[] | null;
  /** Fields that belong to it alone. */
  readonly fields: readonly string[];
}

// From forms to fields.

/** The fields of a message's form, in their order, without its buttons. */
export function fieldsOfForm(form: IForm): readonly IField[] {
  const required = new Set(form.required ?? []);
  return ordered(form)
    .filter(([, property]) => property.element !== 'submit')
    .flatMap(([name, property]) => {
      const kind = kindOf(property, property.default ?? null);
      const field = fieldOf(name, property, kind);
      const parts = partsOf(field, property);
      return parts ?? [{ ...field, isRequired: required.has(name) }];
    });
}

/** A field for each name of an object whose values are typed by name; null: it is none. */
function partsOf(
  field: IField,
  property: IFormProperty
): readonly IField[] | null {
  const values = property.default ?? null;
  if (property.by_name !== true || !isObject(values)) {
    return null;
  }
  const parts = Object.entries(values).map(([name, value]): IField => ({
    ...field,
    name: `${field.name}.${name}`,
    label: name,
    kind: 'value',
    help: '',
    words: TYPED,
    initial: value === null ? '' : JSON.stringify(value),
    example: '3, monday, [1, 2], "007"',
    partOf: field.name
  }));
  const note: IField = { ...field, kind: 'note', partOf: field.name };
  return parts.length === 0 ? null : [note, ...parts];
}

/** Whether a field is one of those that belong to a button. */
export function isOf(field: IField, button: IFormButton): boolean {
  return button.fields.includes(field.partOf ?? field.name);
}

const TYPED = 'a value, as 3, monday, [1, 2] or "007"';

function isObject(value: Json): value is JsonObject {
  return isComposite(value) && !Array.isArray(value);
}

/** The buttons of a message's form; a form without one has `ok`, with this label. */
export function buttonsOf(
  form: IForm,
  okLabel: string
): readonly IFormButton[] {
  const buttons = ordered(form)
    .filter(([, property]) => property.element === 'submit')
    .map(([name, property]) => ({
      name,
      label: property.label ?? name,
      help: property.description ?? '',
      confirm: property.confirm ?? '',
      required: property.required ?? null,
      fields: property.fields ?? []
    }));
  const ok = {
    name: 'ok',
    label: okLabel,
    help: '',
    confirm: '',
    required: null,
    fields: []
  };
  return buttons.length > 0 ? buttons : [ok];
}

function ordered(form: IForm): readonly (readonly [string, IFormProperty])[] {
  const place = ([, property]: readonly [string, IFormProperty]) =>
    property.order ?? 0;
  return Object.entries(form.properties).sort((a, b) => place(a) - place(b));
}

/** A field for a property; nothing of it is required. */
export function fieldOf(
  name: string,
  property: IFormProperty,
  kind: FieldKind
): IField {
  const choices = choicesOf(property, kind);
  const { minimum, maximum, minLength, maxLength, pattern } = property;
  return {
    name,
    label: property.label ?? name,
    kind,
    help: property.description ?? '',
    isRequired: false,
    takesNull: false,
    words: '',
    initial: initialText(kind, property.default ?? null, choices),
    emptyMeans: '',
    example: property.example === undefined ? '' : valueText(property.example),
    choices,
    limits: { minimum, maximum, minLength, maxLength, pattern },
    itemKind: 'text',
    leavesDefault: property.keeps_empty ?? false
  };
}

function choicesOf(property: IFormProperty, kind: FieldKind): readonly Json[] {
  if (kind === 'choice' && property.enum === undefined) {
    return [true, false];
  }
  return (kind === 'choices' ? property.items?.enum : property.enum) ?? [];
}

const KINDS: { readonly [element: string]: FieldKind } = {
  string: 'text',
  textarea: 'long-text',
  code: 'code',
  password: 'password',
  toggle: 'toggle',
  date: 'date',
  time: 'time',
  'date-time': 'date-time',
  dropdown: 'choice',
  'multi-select': 'choices',
  json: 'json',
  file: 'file',
  markdown: 'note'
};

export function kindOf(property: IFormProperty, start: Json): FieldKind {
  const element = property.element ?? impliedElement(property);
  if (element === 'number') {
    return property.type === 'integer' ? 'whole' : 'number';
  }
  const kind = KINDS[element] ?? 'any';
  if (typeof start === 'string' && start !== '') {
    if (kind === 'text' && start.includes('\n')) {
      return 'long-text';
    }
    // What a browser's field cannot hold is edited as text: a moment with its zone.
    return isHeld(kind, start) ? kind : 'text';
  }
  return kind;
}

/** Without an element it follows from `type`, `format` and `enum`. */
function impliedElement(property: IFormProperty): string {
  const type = Array.isArray(property.type) ? property.type[0] : property.type;
  if (property.enum) {
    return 'dropdown';
  }
  if (property.items?.enum) {
    return 'multi-select';
  }
  switch (type) {
    case 'string':
      return property.format && KINDS[property.format]
        ? property.format
        : 'string';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'toggle';
    default:
      return type === undefined ? 'string' : 'json';
  }
}

const HELD: { readonly [kind: string]: RegExp } = {
  date: /^\d{4}-\d\d-\d\d$/,
  time: /^\d\d:\d\d(:\d\d)?$/,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/
};

export function isHeld(kind: FieldKind, text: string): boolean {
  return HELD[kind]?.test(text) ?? true;
}

export function isComposite(value: Json): boolean {
  return typeof value === 'object' && value !== null;
}

function initialText(
  kind: FieldKind,
  value: Json,
  choices: readonly Json[]
): string {
  if (value === null) {
    return kind === 'toggle' ? 'false' : '';
  }
  switch (kind) {
    case 'choice':
      return place(choices, value);
    case 'choices':
      return Array.isArray(value)
        ? value.map(item => place(choices, item as Json)).join(',')
        : '';
    case 'lines':
      return Array.isArray(value) ? value.map(valueText).join('\n') : '';
    case 'json':
      return JSON.stringify(value, null, isComposite(value) ? 1 : 0);
    case 'any':
      return anyText(value);
    default:
      return typeof value === 'string' ? value : valueText(value);
  }
}

function place(choices: readonly Json[], value: Json): string {
  const text = JSON.stringify(value);
  const index = choices.findIndex(choice => JSON.stringify(choice) === text);
  return index < 0 ? '' : String(index);
}

/** The text that is read as this value again: `"007"` in quotes, `monday` without. */
function anyText(value: Json): string {
  const isPlain = typeof value === 'string' && parsedJson(value) === undefined;
  return isPlain ? value : JSON.stringify(value);
}

/** A value in a few words. */
export function valueText(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Undefined: it is none. */
export function parsedJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
