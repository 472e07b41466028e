/** Who decided what about a run and what is under it, when, and from where. */
import type { ISqlResult, Json, JsonObject } from '../wire';
import type { ITranslate } from './words';

/** Decisions that are read, inclusive: the last ones. */
const MOST = 200;
/** Characters of an answer, inclusive. */
const MOST_TEXT = 300;
/** Begins who decided if the kernel of a run did. */
const PROGRAM = 'execution ';

export interface IDecision {
  readonly executionId: string;
  /** The name of the run that it is about. */
  readonly name: string;
  /** Milliseconds. */
  readonly at: number;
  /** Empty: no person. */
  readonly by: string;
  /** `panel`, `notebook`, `command line`, ...; empty: not known. */
  readonly from: string;
  /** What was decided on a failure; `answered`: a message of a flow was. */
  readonly verb: string;
  /** Null: it is about no cell, or its number is not known. */
  readonly cellNumber: number | null;
  /** Values, inputs, or the answer, by name. */
  readonly values: JsonObject;
  /** The edit of a cell as a unified diff; empty: it was not edited. */
  readonly difference: string;
  /** Why nobody decided, or the subject of the message; empty: there is nothing to say. */
  readonly remark: string;
}

/** @param executionId The id of the run, in full. */
export function decisionsSql(executionId: string): string {
  return `WITH RECURSIVE under AS (
SELECT execution_id FROM execution WHERE execution_id = '${executionId}'::UUID
UNION SELECT e.execution_id FROM execution e
  JOIN under u ON coalesce(e.adopted_by, e.parent_id) = u.execution_id),
decisions AS (
SELECT d.execution_id AS id,
  epoch_ms(coalesce((d.payload ->> '$.decided_at')::TIMESTAMP, d.happened_at)) AS at,
  d.payload ->> '$.decided_by' AS person, d.payload ->> '$.decided_from' AS place,
  d.payload ->> '$.verb' AS verb,
  (SELECT max(c.cell_number) FROM cell_run c WHERE c.execution_id = d.execution_id
    AND c.cell_id = d.payload ->> '$.cell_id') AS cell,
  coalesce(d.payload -> '$.inputs', d.payload -> '$.values')::VARCHAR AS content,
  d.payload ->> '$.difference' AS difference, d.payload ->> '$.why' AS remark
FROM event d WHERE d.kind = 'decided'
  AND d.execution_id IN (SELECT execution_id FROM under)
UNION ALL
SELECT m.execution_id, epoch_ms(m.answered_at), m.answered_by, m.answered_from,
  'answered', NULL, m.response::VARCHAR, NULL, m.subject
FROM message m WHERE m.status = 'ANSWERED' AND m.about_id IS NULL
  AND m.execution_id IN (SELECT execution_id FROM under))
SELECT d.id::VARCHAR, e.name, d.at, d.person, d.place, d.verb, d.cell, d.content,
  d.difference, d.remark
FROM decisions d JOIN execution e ON e.execution_id = d.id
ORDER BY d.at DESC LIMIT ${MOST}`;
}

/** The oldest first. */
export function decisionsOf(result: ISqlResult): readonly IDecision[] {
  return result.rows.map(decisionOf).reverse();
}

function decisionOf(row: readonly Json[]): IDecision {
  const [id, name, at, by, from, verb, cell, content, difference, remark] = row;
  return {
    executionId: textOf(id),
    name: textOf(name),
    at: Number(at),
    by: textOf(by),
    from: textOf(from),
    verb: textOf(verb),
    cellNumber: typeof cell === 'number' ? cell : null,
    values: objectOf(textOf(content)),
    difference: textOf(difference),
    remark: textOf(remark)
  };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function objectOf(text: string): JsonObject {
  const value = JSON.parse(text || 'null') as Json;
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : {};
}

/** "ada, panel": who decided, and from where. */
export function deciderText(decision: IDecision, trans: ITranslate): string {
  const { by, from } = decision;
  if (by === '') {
    return trans.__('nobody');
  }
  return by.startsWith(PROGRAM)
    ? trans.__('the run %1', by.slice(PROGRAM.length, PROGRAM.length + 18))
    : [by, from].filter(part => part !== '').join(', ');
}

/** "skipped cell 3 with total=41": what was decided. */
export function decisionText(decision: IDecision, trans: ITranslate): string {
  const { verb, values, remark } = decision;
  const words = verbText(decision, trans);
  const content = contentText(values);
  if (verb === 'answered') {
    return content === '' ? words : `${words}: ${content}`;
  }
  const whole = content === '' ? words : trans.__('%1 with %2', words, content);
  return remark === '' ? whole : `${whole} (${remark})`;
}

function verbText(decision: IDecision, trans: ITranslate): string {
  const { verb, cellNumber, difference, remark } = decision;
  const cell =
    cellNumber === null
      ? trans.__('a cell')
      : trans.__('cell %1', String(cellNumber));
  switch (verb) {
    case 'retry_cell':
      return difference === ''
        ? trans.__('retried %1', cell)
        : trans.__('edited and retried %1', cell);
    case 'retry':
      return trans.__('retried it from the start');
    case 'retry_with_inputs':
      return trans.__('retried it from the start');
    case 'skip':
      return trans.__('skipped %1', cell);
    case 'fail':
      return trans.__('ended it with the error');
    case 'cancel_all':
      return trans.__('cancelled all');
    case 'answered':
      return trans.__('answered “%1”', remark);
    default:
      return verb;
  }
}

function contentText(values: JsonObject): string {
  const text = Object.entries(values)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(', ');
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text;
}
