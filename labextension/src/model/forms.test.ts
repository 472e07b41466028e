import { describe, expect, it } from 'vitest';

import type { IForm, IParameter, Json } from '../wire';
import {
  buttonsOf,
  fieldOfParameter,
  fieldsOfForm,
  fieldsOfSignature,
  initialTexts,
  readForm,
  readRefusal
} from './forms';
import { typedValue } from './typed-values';
import { knownType } from './types';

function aParameter(values: Partial<IParameter> = {}): IParameter {
  return {
    name: 'x',
    type: null,
    is_required: true,
    default: null,
    default_source: null,
    help: '',
    ...values
  };
}

/** What one field of this type makes of a text: its value, or what is wrong. */
function typed(values: Partial<IParameter>, text: string): unknown {
  const fields = [fieldOfParameter(aParameter(values))];
  const read = readForm(fields, { x: text });
  return read.problems['x'] ?? read.values['x'];
}

describe('a field of a parameter', () => {
  it.each([
    ['str', 'text'],
    ['int', 'whole'],
    ['np.int64', 'whole'],
    ['float', 'number'],
    ['datetime.date', 'date'],
    ['dt.datetime', 'date-time'],
    ['pd.Timestamp', 'date-time'],
    ['time', 'time'],
    ['date | None', 'date'],
    ['Optional[int]', 'whole'],
    ['typing.Union[None, "date"]', 'date'],
    ['Annotated[int, Field(gt=0, le=3)]', 'whole'],
    ["Literal['a', 'b|c', 'd, e']", 'choice'],
    ['list[str]', 'lines'],
    ['Sequence[float]', 'lines'],
    ['list[date]', 'json'],
    ['list', 'json'],
    ['dict[str, int | None]', 'json'],
    ['Decimal', 'text'],
    ['uuid.UUID', 'text'],
    ['Path', 'text'],
    ['timedelta', 'any'],
    ['int | str', 'any'],
    ['Frame', 'any'],
    ['bool', 'choice'],
    [null, 'any']
  ])('of the type %s is a %s', (type, kind) => {
    expect(fieldOfParameter(aParameter({ type })).kind).toBe(kind);
  });

  it('is a checkbox if it has a default of yes or no', () => {
    const parameter = aParameter({
      type: 'bool',
      is_required: false,
      default: true
    });

    const field = fieldOfParameter(parameter);

    expect([field.kind, field.initial]).toEqual(['toggle', 'true']);
  });

  it('believes the engine more than the text of the type', () => {
    const element = { element: 'dropdown', enum: ['fast', 'slow'] };
    const words = "one of 'fast', 'slow'";
    const parameter = aParameter({ type: 'Mode', element, words });

    const field = fieldOfParameter(parameter);

    expect([field.kind, field.choices, field.words]).toEqual([
      'choice',
      ['fast', 'slow'],
      words
    ]);
  });

  it('edits a moment with a zone as text, for no other field can hold it', () => {
    const parameter = aParameter({
      type: 'datetime',
      is_required: false,
      default: '2026-01-31T18:00:00+02:00'
    });

    expect(fieldOfParameter(parameter).kind).toBe('text');
  });
});

describe('what was typed', () => {
  it.each<[string | null, string, Json]>([
    ['str', '007', '007'],
    ['int', '3', 3],
    ['int', ' -12 ', -12],
    ['float', '1e3', 1000],
    ['float', '.5', 0.5],
    ['date', '2026-01-31', '2026-01-31'],
    ['Decimal', '1.10', '1.10'],
    [
      'UUID',
      '01a22040-0000-7000-8000-000000000001',
      '01a22040-0000-7000-8000-000000000001'
    ],
    ['Path', 'a b/c.csv', 'a b/c.csv'],
    ['bool', '0', true],
    ['bool', '1', false],
    ['Literal[1, 2]', '1', 2],
    ['list[int]', ' 1\n\n2 ', [1, 2]],
    ['list[str]', '007\nb, c', ['007', 'b, c']],
    ['list', '[1, 2]', [1, 2]],
    [null, '3', 3],
    [null, 'monday', 'monday'],
    [null, '{"a": 1}', { a: 1 }],
    ['timedelta', 'PT1H', 'PT1H'],
    ['timedelta', '60', 60]
  ])('as %s: %s', (type, text, value) => {
    expect(typed({ type }, text)).toEqual(value);
  });

  it.each([
    ['int', '1.5', 'a whole number'],
    ['int', '9007199254740993', 'a whole number'],
    ['float', 'fast', 'a number'],
    ['float', 'Infinity', 'a number'],
    ['Decimal', '1,10', 'a number'],
    ['UUID', 'x', 'a UUID'],
    ['date', '31.1.2026', 'a day, as 2026-01-31'],
    ['list[int]', '1\nx', 'whole numbers, one per line'],
    ['list', '[1,', 'a list, as JSON']
  ])('that is no %s is refused: %s', (type, text, words) => {
    expect(typed({ type }, text)).toEqual({ kind: 'wrong', words });
  });

  it('is missing if it must be given', () => {
    expect(typed({ type: 'str' }, '')).toEqual({ kind: 'missing' });
  });

  it('goes along where its JSON is another text', () => {
    const fields = [fieldOfParameter(aParameter())];

    expect(readForm(fields, { x: '1.10' }).texts).toEqual({ x: '1.10' });
    expect(readForm(fields, { x: '3' }).texts).toEqual({});
  });
});

describe('a default', () => {
  it('of each parameter is what its field begins with', () => {
    const parameters = [3, 'a', null].map((value, index) =>
      aParameter({ name: `p${index}`, is_required: false, default: value })
    );

    const fields = fieldsOfSignature({ parameters, takes_others: false });

    expect(fields.map(field => field.initial)).toEqual(['3', 'a', '']);
  });

  const withDefault = (type: string | null, value: Json) =>
    fieldOfParameter(aParameter({ type, is_required: false, default: value }));

  it('is not sent if nobody changed it, so that it is recorded as the default', () => {
    const fields = [withDefault('int', 3)];

    expect(readForm(fields, initialTexts(fields))).toEqual({
      values: {},
      texts: {},
      problems: {}
    });
  });

  it.each<[string | null, Json]>([
    ['str', 'a'],
    ['int', 3],
    [null, '007'],
    [null, 'monday'],
    [null, true],
    ['list', [1, { a: null }]],
    [null, ['a', 'b']],
    [null, ['a', 'b\nc']],
    [null, []],
    ['list[str]', ['a', '']],
    ['list[int]', [1, 2]],
    ['date', '2026-01-31'],
    ["Literal['a', 'b']", 'b']
  ])('of the type %s is shown as what is read again: %j', (type, value) => {
    const field = withDefault(type, value);
    const fields = [{ ...field, leavesDefault: false }];

    expect(readForm(fields, initialTexts(fields)).values).toEqual({ x: value });
  });

  it('gives way to what another run had, which is sent again', () => {
    const parameter = aParameter({
      type: 'int',
      is_required: false,
      default: 3
    });
    const signature = { parameters: [parameter], takes_others: false };

    const fields = fieldsOfSignature(signature, { x: 7 });

    expect(readForm(fields, initialTexts(fields)).values).toEqual({ x: 7 });
  });

  it('that was emptied is null where null fits, and no text where text fits', () => {
    const optional = [withDefault('str | None', 'a')];
    const text = [withDefault('str', 'a')];
    const number = [withDefault('int', 3)];

    expect(readForm(optional, { x: '' }).values).toEqual({ x: null });
    expect(readForm(text, { x: '' }).values).toEqual({ x: '' });
    expect(readForm(number, { x: '' }).values).toEqual({});
  });

  it('that is known only when the flow runs is named', () => {
    const parameter = aParameter({
      type: 'date',
      is_required: false,
      default_source: 'today'
    });

    expect(fieldOfParameter(parameter).emptyMeans).toBe('today');
  });
});

describe('a refusal', () => {
  const fields = fieldsOfSignature({
    parameters: ['day', 'rate', 'who'].map(name => aParameter({ name })),
    takes_others: false
  });

  it('is said at the fields that it is about', () => {
    const sentence =
      `'report' cannot start: 'day' is missing (a day, as 2026-01-31); ` +
      `'rate' is "fast; 'who' is x" and must be a number. It takes day: date, rate: float = 1.0.`;

    const refusal = readRefusal(sentence, fields.slice(0, 2));

    expect(refusal.problems['day']).toEqual({ kind: 'missing' });
    expect(refusal.problems['rate']).toBeDefined();
  });

  it('keeps the whole sentence if a part of it is about no field', () => {
    const sentence =
      "'report' cannot start: it has no parameter 'dya' (did you mean 'day'?); " +
      "'rate' is 1 and must be text. It takes day.";

    const refusal = readRefusal(sentence, fields);

    expect(refusal.problems).toEqual({
      rate: { kind: 'wrong', words: 'text' }
    });
    expect(refusal.rest).toBe(sentence);
  });

  it('of another kind is kept as it is', () => {
    expect(readRefusal('The disk is full.', fields)).toEqual({
      problems: {},
      rest: 'The disk is full.'
    });
  });
});

describe('the form of a message', () => {
  const form: IForm = {
    type: 'object',
    properties: {
      why: { element: 'markdown', description: 'It is **closed**.' },
      day: { element: 'date', label: 'Take this day' },
      places: { element: 'multi-select', items: { enum: ['a', 'b', 'c'] } },
      count: { type: 'integer', minimum: 1, default: 2 },
      go: { element: 'submit', label: 'Continue' },
      skip: { element: 'submit', required: [], confirm: 'Sure?' }
    },
    required: ['day']
  };

  it('has its fields and its buttons', () => {
    expect(fieldsOfForm(form).map(field => field.kind)).toEqual([
      'note',
      'date',
      'choices',
      'whole'
    ]);
    expect(
      buttonsOf(form, 'OK').map(({ name, confirm }) => [name, confirm])
    ).toEqual([
      ['go', ''],
      ['skip', 'Sure?']
    ]);
  });

  it('requires what the button requires', () => {
    const fields = fieldsOfForm(form);
    const texts = initialTexts(fields);

    expect(Object.keys(readForm(fields, texts).problems)).toEqual(['day']);
    expect(readForm(fields, texts, []).problems).toEqual({});
  });

  it('sends what is there, and says its limits', () => {
    const fields = fieldsOfForm(form);

    const read = readForm(fields, {
      day: '2026-01-31',
      places: '0,2',
      count: '0'
    });

    expect(read.values).toEqual({ day: '2026-01-31', places: ['a', 'c'] });
    expect(read.problems).toEqual({
      count: { kind: 'wrong', words: 'a whole number, at least 1' }
    });
  });

  it('with values by name has a field for each name, and sends an object', () => {
    const fields = fieldsOfForm({
      type: 'object',
      properties: {
        values: {
          element: 'json',
          by_name: true,
          default: { total: null, day: 'monday', rest: null }
        },
        skip: { element: 'submit', fields: ['values'] }
      }
    });

    const read = readForm(fields, {
      ...initialTexts(fields),
      'values.total': '3'
    });

    expect(fields.map(field => [field.kind, field.label])).toEqual([
      ['note', 'values'],
      ['value', 'total'],
      ['value', 'day'],
      ['value', 'rest']
    ]);
    expect(read.values).toEqual({ values: { total: 3, day: 'monday' } });
  });

  it('with values of unknown names takes them as JSON', () => {
    const [field] = fieldsOfForm({
      type: 'object',
      properties: { values: { element: 'json', by_name: true, default: {} } }
    });

    expect(field?.kind).toBe('json');
  });

  it.each([
    ['3', 3],
    ['-2.5e1', -25],
    ['True', true],
    ['none', null],
    ['"007"', '007'],
    ['007x', '007x'],
    ['[1, "a"]', [1, 'a']],
    ['monday', 'monday'],
    ['"a', '"a'],
    ['[1,', undefined],
    ['12345678901234567890', undefined]
  ])('reads a typed value as a command line does: %s', (text, value) => {
    expect(typedValue(text)).toEqual(value);
  });

  it('without a button has one', () => {
    expect(buttonsOf({ type: 'object', properties: {} }, 'OK')[0]?.name).toBe(
      'ok'
    );
  });
});

describe('a type', () => {
  it('of several quotes and brackets is read to its end', () => {
    expect(knownType(`Literal["a]", 'b']`).element?.enum).toEqual(['a]', 'b']);
    expect(knownType('Literal[Mode.FAST]').element).toBeNull();
  });
});
