/**
 * The type of a parameter as it is written, as an element of a form.
 *
 * The engine says this itself (`element`); this is for signatures of older engines, and of files
 * that were never registered. It knows the types that are known by their names alone.
 */
import type { IFormProperty, Json } from '../wire';

export interface IKnownType {
  /** Null: any value, as JSON. */
  readonly element: IFormProperty | null;
  readonly takesNull: boolean;
  /** What it takes, in words; empty: nothing is known of it. */
  readonly words: string;
}

const TEXT: IFormProperty = { element: 'string' };
const WHOLE: IFormProperty = { element: 'number', type: 'integer' };
const NUMBER: IFormProperty = { element: 'number' };

/** By the name of the type: its element, and what it takes in words. */
const KNOWN: {
  readonly [name: string]: readonly [IFormProperty | null, string];
} = {
  str: [TEXT, 'text'],
  int: [WHOLE, 'a whole number'],
  float: [NUMBER, 'a number'],
  bool: [{ element: 'toggle' }, 'true or false'],
  date: [{ element: 'date' }, 'a day, as 2026-01-31'],
  datetime: [{ element: 'date-time' }, 'a moment, as 2026-01-31T18:00'],
  Timestamp: [{ element: 'date-time' }, 'a moment, as 2026-01-31T18:00'],
  time: [{ element: 'time' }, 'an hour, as 18:00'],
  timedelta: [NUMBER, 'a number of seconds'],
  Decimal: [TEXT, 'a number'],
  UUID: [TEXT, 'a UUID'],
  Path: [TEXT, 'a path, as text'],
  list: [null, 'a list'],
  tuple: [null, 'a list'],
  set: [null, 'a list'],
  dict: [null, 'an object of names and values']
};
const ALIASES: { readonly [name: string]: string } = {
  List: 'list',
  Tuple: 'tuple',
  Set: 'set',
  frozenset: 'set',
  Sequence: 'list',
  Dict: 'dict',
  Mapping: 'dict',
  PurePath: 'Path'
};
const ANY: IKnownType = { element: null, takesNull: true, words: '' };

/** What a type means; of one that is not known: any value. */
export function knownType(text: string | null): IKnownType {
  const parts = text === null ? [] : alternatives(text);
  const others = parts.filter(part => part !== 'None');
  const [only] = others;
  if (only === undefined || others.length > 1) {
    return ANY;
  }
  const takesNull = others.length < parts.length;
  const choices = literals(only);
  if (choices !== null) {
    const words = `one of ${choices.map(value => JSON.stringify(value)).join(', ')}`;
    return {
      element: { element: 'dropdown', enum: choices },
      takesNull,
      words
    };
  }
  const type = KNOWN[baseName(only)];
  return type === undefined
    ? ANY
    : { element: type[0], takesNull, words: type[1] };
}

/** The types of a union: `Optional[X]`, `Union[X, Y]` and `X | None` in one way. */
function alternatives(text: string): readonly string[] {
  const type = unquoted(text.trim());
  const generic = /^(?:typing\.)?(Optional|Union|Annotated)\[(.*)\]$/s.exec(
    type
  );
  const inner = generic?.[2] ?? '';
  switch (generic?.[1]) {
    case 'Optional':
      return [...alternatives(inner), 'None'];
    case 'Union':
      return split(inner, ',').flatMap(alternatives);
    case 'Annotated':
      return alternatives(split(inner, ',')[0] ?? '');
    default: {
      const parts = split(type, '|');
      return parts.length > 1 ? parts.flatMap(alternatives) : [type];
    }
  }
}

/** The values of `Literal[...]`; null: it is no such type, or has other values. */
function literals(type: string): readonly Json[] | null {
  const inner = /^(?:typing\.)?Literal\[(.*)\]$/s.exec(type)?.[1];
  if (inner === undefined) {
    return null;
  }
  const values = split(inner, ',').map(literal);
  return values.some(value => value === undefined) ? null : (values as Json[]);
}

function literal(text: string): Json | undefined {
  if (text === 'True' || text === 'False') {
    return text === 'True';
  }
  if (text === 'None') {
    return null;
  }
  if (/^-?\d+$/.test(text)) {
    return Number(text);
  }
  return /^'[^'\\]*'$|^"[^"\\]*"$/.test(text) ? text.slice(1, -1) : undefined;
}

/** `datetime.date` is `date`, `list[str]` is `list`, `np.int64` is `int`. */
function baseName(type: string): string {
  const path = (type.split('[')[0] ?? '').trim();
  const name = path.split('.').pop() ?? '';
  if (/^u?int\d+$|^integer$/.test(name)) {
    return 'int';
  }
  return /^float\d+$|^floating$/.test(name) ? 'float' : (ALIASES[name] ?? name);
}

function unquoted(text: string): string {
  return /^'[^']*'$|^"[^"]*"$/.test(text) ? text.slice(1, -1).trim() : text;
}

/** The parts between `separator`, without those in brackets and quotes. */
function split(text: string, separator: string): readonly string[] {
  const parts: string[] = [];
  let [depth, quote, part] = [0, '', ''];
  for (const character of text) {
    if (quote === '' && depth === 0 && character === separator) {
      parts.push(part.trim());
      part = '';
      continue;
    }
    part += character;
    if (quote !== '') {
      quote = character === quote ? '' : quote;
    } else if (character === "'" || character === '"') {
      quote = character;
    } else {
      depth += '[('.includes(character) ? 1 : 0;
      depth -= '])'.includes(character) ? 1 : 0;
    }
  }
  parts.push(part.trim());
  return parts.filter(word => word !== '');
}
