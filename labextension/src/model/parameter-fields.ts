/** Fields made from declared parameters. */
import type {
  IFormProperty,
  IParameter,
  ISignature,
  Json,
  JsonObject
} from '../wire';
import type { FieldKind, IField } from './fields';
import { fieldOf, isComposite, kindOf } from './fields';
import { knownType } from './types';

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
  const type = knownType(parameter.type);
  const element =
    parameter.element === undefined ? type.element : parameter.element;
  const words = parameter.words ?? type.words;
  const start = value ?? parameter.default;
  const property = { ...element, label: parameter.name, default: start };
  const kind = kindOfParameter(parameter, element, words, start);
  return {
    ...fieldOf(parameter.name, property, kind),
    help: parameter.help,
    isRequired: parameter.is_required,
    takesNull: parameter.takes_null ?? type.takesNull,
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
