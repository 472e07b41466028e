/** From the texts of a form to its values, or to what is wrong with each field. */
import type { Json, JsonObject } from '../wire';
import type {
  FormTexts,
  IField,
  IFormValues,
  Problem,
  Problems
} from './fields';
import { isHeld, parsedJson } from './fields';
import { typedValue } from './typed-values';

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
        put(values, field, reading.value);
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

/** What is wrong with the other fields. */
export function withoutProblem(problems: Problems, name: string): Problems {
  return Object.fromEntries(
    Object.entries(problems).filter(([field]) => field !== name)
  );
}

/** Under its own name, or among the values of the property that it is a part of. */
function put(
  values: { [name: string]: Json },
  field: IField,
  value: Json
): void {
  if (field.partOf === undefined) {
    values[field.name] = value;
  } else {
    const parts = (values[field.partOf] ?? {}) as JsonObject;
    values[field.partOf] = { ...parts, [field.label]: value };
  }
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
    case 'value':
      return typedValue(text);
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
