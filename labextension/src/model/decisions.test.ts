import { describe, expect, it } from 'vitest';

import { deciderText, decisionsOf, decisionText } from './decisions';

const TRANS = {
  __: (text: string, ...values: unknown[]) =>
    text.replace(/%(\d)/g, (_, place: string) => String(values[+place - 1])),
  _n: (one: string, many: string, count: number) =>
    (count === 1 ? one : many).replace('%1', String(count))
};

/** A row of the query, and what is said of it. */
function said(...row: (string | number | null)[]): string {
  const rows = [['id', 'report', 1_000, ...row]];
  const [decision] = decisionsOf({
    columns: [],
    types: [],
    rows,
    is_cut: false
  });
  return `${deciderText(decision!, TRANS)}: ${decisionText(decision!, TRANS)}`;
}

describe('a decision', () => {
  it.each([
    [
      ['ada', 'panel', 'skip', 3, '{"total":41}', null, null],
      'ada, panel: skipped cell 3 with total=41'
    ],
    [
      ['ada', 'notebook', 'retry_cell', 2, null, '-a\n+b', null],
      'ada, notebook: edited and retried cell 2'
    ],
    [
      ['ada', 'panel', 'retry_cell', null, null, null, null],
      'ada, panel: retried a cell'
    ],
    [
      ['ada', 'panel', 'retry_with_inputs', 2, '{"day":"friday"}', null, null],
      'ada, panel: retried it from the start with day="friday"'
    ],
    [
      ['ada', 'panel', 'fail', 2, null, null, null],
      'ada, panel: ended it with the error'
    ],
    [
      [null, null, 'fail', 2, null, null, 'Nobody answered in time.'],
      'nobody: ended it with the error (Nobody answered in time.)'
    ],
    [
      ['ada', '', 'answered', null, '{"ok":true}', null, 'Send it?'],
      'ada: answered “Send it?”: ok=true'
    ],
    [
      [
        'execution 01a22263-e2df-7cb3-0000',
        null,
        'cancel_all',
        1,
        null,
        null,
        null
      ],
      'the run 01a22263-e2df-7cb3: cancelled all'
    ]
  ])('of %j is said as %s', (row, text) => {
    expect(said(...row)).toBe(text);
  });

  it('is listed after those before it', () => {
    const rows = [2, 1].map(at => [
      ...['id', 'report', at, 'ada', 'panel', 'fail'],
      ...[null, null, null, null]
    ]);
    const result = { columns: [], types: [], rows, is_cut: false };

    expect(decisionsOf(result).map(({ at }) => at)).toEqual([1, 2]);
  });
});
