/** The sentence with which the engine refuses inputs, field by field. */
import type { IField, Problem, Problems } from './fields';

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
    const problem = field === undefined ? null : problemIn(part, field.name);
    if (field === undefined || problem === null) {
      others.push(part);
    } else {
      problems[field.name] = problem;
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
    ? { kind: 'refused', sentence: part }
    : { kind: 'wrong', words };
}
