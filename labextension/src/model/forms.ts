/**
 * What is asked of people: fields made from declared parameters, or from the form of a message.
 *
 * A field holds a text while it is edited, whatever its kind, so that a form is one object of
 * texts. `readForm` turns the texts into values, or says per field what is wrong.
 */
import type {
  IForm,
  IFormProperty,
  IParameter,
  ISignature,
  Json,
  JsonObject
} from '../wire';
import { knownType } from './types';

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
}

/** The texts of a form by the names of its fields. */
export type FormTexts = { readonly [name: string]: string };

/** What is wrong with a field. */
export type Problem =
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong'; readonly words: string }
  /** A sentence of the engine. */
  | { readonly kind: 'said'; readonly sentence: string };

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
  /** A question that is asked before it counts; empty: none. */
  readonly confirm: string;
  /** What must be filled in for it; null: what the form requires. */
  readonly required: readonly string[] | null;
  /** Fields that belong to it alone. */
  readonly fields: readonly string[];
}

// From parameters and forms to fields.

/** @param inputs Of the run that is run again, in place of the defaults. */
export function fieldsOfSignature(
  signature: ISignature,
  inputs: JsonObject = {}
): readonly IField[] {
  return signature.parameters.map(parameter =>
    fieldOfParameter(parameter, inputs[parameter.name])
  );
}

/** @param value In place of the default: an input of the run that is run again. */
export function fieldOfParameter(parameter: IParameter, value?: Json): IField {
  const known = knownType(parameter.type);
  const element =
    parameter.element === undefined ? known.element : parameter.element;
  const words = parameter.words ?? known.words;
  const start = value ?? parameter.default;
  const property = { ...element, label: parameter.name, default: start };
  const kind = kindOfParameter(parameter, element, words, start);
  return {
    ...fieldOf(parameter.name, property, kind),
    help: parameter.help,
    isRequired: parameter.is_required,
    takesNull: parameter.takes_null ?? known.takesNull,
    itemKind: itemKindOf(parameter.type),
    words: kind === 'lines' ? 'one per line' : isVague(words) ? '' : words,
    emptyMeans: parameter.default_source ?? '',
    leavesDefault: !parameter.is_required && value === undefined
  };
}

function itemKindOf(type: string | null): IField['itemKind'] {
  const item = LINES.exec(type?.trim() ?? '')?.[3];
  return item === 'int' ? 'whole' : item === 'float' ? 'number' : 'text';
}

/** `of the type Any` says nothing to a person. */
function isVague(words: string): boolean {
  return words.startsWith('of the type');
}

const LINES =
  /^(typing\.)?(list|List|set|Set|frozenset|Sequence)\[(str|int|float)\]$/;

/** Whether a list can be edited as lines: its values are texts or numbers of one kind. */
function isLines(type: string | null, words: string, start: Json): boolean {
  const items = Array.isArray(start) ? (start as readonly Json[]) : [];
  const kinds = new Set(items.map(item => typeof item));
  const isPlain = items.every(
    item =>
      typeof item === 'number' ||
      (typeof item === 'string' && item.trim() === item && isOneLine(item))
  );
  if (LINES.test(type?.trim() ?? '')) {
    return isPlain && (start === null || Array.isArray(start));
  }
  // Without a type a list of texts is one, if none of them looks like a number.
  return (
    (type === null || words === 'a list') &&
    items.length > 0 &&
    isPlain &&
    kinds.size === 1 &&
    kinds.has('string')
  );
}

function isOneLine(text: string): boolean {
  return text !== '' && !text.includes('\n');
}

function kindOfParameter(
  parameter: IParameter,
  element: IFormProperty | null,
  words: string,
  start: Json
): FieldKind {
  if (/timedelta/i.test(parameter.type ?? '')) {
    return 'any'; // Seconds, or ISO 8601: PT1H.
  }
  if (element === null && isLines(parameter.type, words, start)) {
    return 'lines';
  }
  if (element === null) {
    const isMany = /^(a list|an object)/.test(words) || isComposite(start);
    return isMany ? 'json' : 'any';
  }
  const kind = kindOf(element, start);
  // A checkbox has no third state: without a default, yes or no is a choice.
  return kind === 'toggle' && typeof start !== 'boolean' ? 'choice' : kind;
}

/** The fields of a message's form, in their order, without its buttons. */
export function fieldsOfForm(form: IForm): readonly IField[] {
  const required = new Set(form.required ?? []);
  return ordered(form)
    .filter(([, property]) => property.element !== 'submit')
    .map(([name, property]) => ({
      ...fieldOf(name, property, kindOf(property, property.default ?? null)),
      isRequired: required.has(name)
    }));
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
      confirm: property.confirm ?? '',
      required: property.required ?? null,
      fields: property.fields ?? []
    }));
  const ok = {
    name: 'ok',
    label: okLabel,
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

function fieldOf(
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
    example: property.example === undefined ? '' : shown(property.example),
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

function kindOf(property: IFormProperty, start: Json): FieldKind {
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

function isHeld(kind: FieldKind, text: string): boolean {
  return HELD[kind]?.test(text) ?? true;
}

function isComposite(value: Json): boolean {
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
      return Array.isArray(value) ? value.map(shown).join('\n') : '';
    case 'json':
      return JSON.stringify(value, null, isComposite(value) ? 1 : 0);
    case 'any':
      return anyText(value);
    default:
      return typeof value === 'string' ? value : shown(value);
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
export function shown(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

// From texts to values.

export function initialTexts(fields: readonly IField[]): FormTexts {
  return Object.fromEntries(fields.map(field => [field.name, field.initial]));
}

/**
 * The values of the fields, and what is wrong.
 *
 * @param required Names that must be filled in; by default those of the required fields.
 */
export function readForm(
  fields: readonly IField[],
  texts: FormTexts,
  required: readonly string[] = fields
    .filter(field => field.isRequired)
    .map(field => field.name)
): IFormValues {
  const values: { [name: string]: Json } = {};
  const typed: { [name: string]: string } = {};
  const problems: { [name: string]: Problem } = {};
  for (const field of fields) {
    const text = texts[field.name] ?? field.initial;
    const reading = readField(field, text, required.includes(field.name));
    switch (reading.kind) {
      case 'value':
        values[field.name] = reading.value;
        if (field.kind === 'any' && JSON.stringify(reading.value) !== text) {
          typed[field.name] = text;
        }
        break;
      case 'absent':
        break;
      default:
        problems[field.name] = reading;
    }
  }
  return { values, texts: typed, problems };
}

type Reading =
  | { readonly kind: 'value'; readonly value: Json }
  | { readonly kind: 'absent' }
  | Problem;

const ABSENT: Reading = { kind: 'absent' };

function readField(field: IField, text: string, isRequired: boolean): Reading {
  if (
    field.kind === 'note' ||
    (field.leavesDefault && text === field.initial)
  ) {
    return isRequired && text === '' ? { kind: 'missing' } : ABSENT;
  }
  return text.trim() === ''
    ? readEmpty(field, isRequired)
    : readText(field, text);
}

/** A field that was emptied is null, or an empty text, or its default again. */
function readEmpty(field: IField, isRequired: boolean): Reading {
  if (isRequired) {
    return { kind: 'missing' };
  }
  const wasFilled = field.leavesDefault && field.initial !== '';
  if (wasFilled && field.takesNull) {
    return { kind: 'value', value: null };
  }
  const isText = field.kind === 'text' || field.kind === 'long-text';
  if (wasFilled && field.kind === 'lines') {
    return { kind: 'value', value: [] };
  }
  return wasFilled && isText && field.words === 'text'
    ? { kind: 'value', value: '' }
    : ABSENT;
}

function readText(field: IField, text: string): Reading {
  const value = valueOf(field, text);
  if (value === undefined || !isWithin(field, value)) {
    return { kind: 'wrong', words: wordsOf(field) };
  }
  return { kind: 'value', value };
}

/** Undefined: the text is none. */
function valueOf(field: IField, text: string): Json | undefined {
  switch (field.kind) {
    case 'whole':
      return /^\s*[+-]?\d+\s*$/.test(text) ? numberOf(text) : undefined;
    case 'number':
      return numberOf(text);
    case 'toggle':
      return text === 'true';
    case 'choice':
      return field.choices[Number(text)];
    case 'choices':
      return text.split(',').map(index => field.choices[Number(index)] ?? null);
    case 'lines':
      return itemsOf(field, text);
    case 'json':
    case 'file':
      return parsedJson(text);
    case 'any':
      return parsedJson(text) ?? text;
    case 'date':
    case 'time':
    case 'date-time':
      return isHeld(field.kind, text) ? text : undefined;
    case 'text':
      return isText(field, text) ? text : undefined;
    default:
      return text;
  }
}

/** The values of the lines that are not empty; undefined: one of them is none. */
function itemsOf(field: IField, text: string): Json | undefined {
  const item = { ...field, kind: field.itemKind, words: '' };
  const values = text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .map(line => valueOf(item, line));
  return values.includes(undefined) ? undefined : (values as Json[]);
}

const DECIMAL = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i;
const UUID = /^\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i;

/** Numbers and UUIDs that are sent as text: a decimal keeps its digits. */
function isText(field: IField, text: string): boolean {
  switch (field.words) {
    case 'a number':
      return DECIMAL.test(text);
    case 'a UUID':
      return UUID.test(text.trim());
    default:
      return true;
  }
}

/** A whole number that JavaScript cannot hold exactly is refused: it would arrive changed. */
function numberOf(text: string): number | undefined {
  const value = DECIMAL.test(text) ? Number(text) : NaN;
  const isExact = !Number.isInteger(value) || Number.isSafeInteger(value);
  return Number.isFinite(value) && isExact ? value : undefined;
}

function parsedJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function isWithin(field: IField, value: Json): boolean {
  const { minimum, maximum, minLength, maxLength, pattern } = field.limits;
  if (typeof value === 'number') {
    return value >= (minimum ?? -Infinity) && value <= (maximum ?? Infinity);
  }
  if (typeof value === 'string' && field.kind !== 'any') {
    const isLong = value.length >= (minLength ?? 0);
    return (
      isLong && value.length <= (maxLength ?? Infinity) && fits(value, pattern)
    );
  }
  return true;
}

/** A pattern of Python that JavaScript cannot read is left to the engine. */
function fits(value: string, pattern: string | undefined): boolean {
  try {
    return pattern === undefined || new RegExp(pattern, 'u').test(value);
  } catch {
    return true;
  }
}

const WORDS: { readonly [kind: string]: string } = {
  whole: 'a whole number',
  number: 'a number',
  date: 'a day, as 2026-01-31',
  time: 'an hour, as 18:00',
  'date-time': 'a moment, as 2026-01-31T18:00',
  json: 'JSON, as ["a", "b"] or {"name": 1}'
};

const ITEMS = {
  text: 'one per line',
  whole: 'whole numbers, one per line',
  number: 'numbers, one per line'
};

function wordsOf(field: IField): string {
  if (field.kind === 'lines') {
    return ITEMS[field.itemKind];
  }
  const words = field.words || (WORDS[field.kind] ?? 'another value');
  const example = field.kind === 'json' ? `, as JSON` : '';
  return words + (field.words ? example : '') + limitWords(field);
}

function limitWords(field: IField): string {
  const { minimum, maximum, minLength, maxLength, pattern } = field.limits;
  const parts = [
    minimum === undefined ? '' : `at least ${minimum}`,
    maximum === undefined ? '' : `at most ${maximum}`,
    minLength ? `at least ${minLength} characters` : '',
    maxLength === undefined ? '' : `at most ${maxLength} characters`,
    pattern === undefined ? '' : `in the form ${pattern}`
  ].filter(part => part !== '');
  return parts.length > 0 ? `, ${parts.join(' and ')}` : '';
}

// What the engine refuses.

/** A refusal in parts: what it says of fields, and the rest of the sentence. */
export interface IRefusal {
  readonly problems: Problems;
  /** What belongs to no field; empty: nothing. */
  readonly rest: string;
}

/**
 * The one sentence with which the engine refuses inputs, field by field:
 * `'report' cannot start: 'day' is missing (a day); 'n' is "x" and must be a whole number. It
 * takes ...`.
 */
export function readRefusal(
  sentence: string,
  fields: readonly IField[]
): IRefusal {
  const list = / cannot start: (.*?)\. It takes /s.exec(sentence)?.[1];
  if (list === undefined) {
    return { problems: {}, rest: sentence };
  }
  const problems: { [name: string]: Problem } = {};
  const others: string[] = [];
  for (const part of list.split(/; (?='|it has |\d+ more)/)) {
    const field = fields.find(({ name }) => part.startsWith(`'${name}' is `));
    const said = field === undefined ? null : problemIn(part, field.name);
    if (field === undefined || said === null) {
      others.push(part);
    } else {
      problems[field.name] = said;
    }
  }
  return { problems, rest: others.length > 0 ? sentence : '' };
}

function problemIn(part: string, name: string): Problem | null {
  const text = part.slice(`'${name}' is `.length);
  if (text.startsWith('missing')) {
    return { kind: 'missing' };
  }
  const words = / and must be (.*)$/s.exec(text)?.[1];
  return words === undefined
    ? { kind: 'said', sentence: part }
    : { kind: 'wrong', words };
}
