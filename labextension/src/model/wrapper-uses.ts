/** Wrappers that a person puts around a run, outermost first, each with its parameters. */
import type { IExecution, IWrapper, IWrapperUse } from '../wire';
import type { FormTexts, IField, Problems } from './fields';
import { initialTexts, readForm } from './form-values';
import { fieldsOfSignature } from './parameter-fields';
import { wrappersAround } from './run-command';
import type { INamedValue } from './run-values';
import { isInteractive } from './start-request';

/** How long `interactive` waits for an answer. */
const LIMIT = 'interactive_limit_minutes';

/** A wrapper in a form. */
export interface IWrapperDraft {
  /** Another one for each: a wrapper may be there twice. */
  readonly key: number;
  readonly wrapper: IWrapper;
  readonly fields: readonly IField[];
  readonly texts: FormTexts;
  readonly problems: Problems;
}

/** The drafts with one more, inside of the others. */
export function withWrapper(
  drafts: readonly IWrapperDraft[],
  wrapper: IWrapper
): readonly IWrapperDraft[] {
  const key = 1 + Math.max(0, ...drafts.map(draft => draft.key));
  const fields = fieldsOfSignature(wrapper);
  const texts = initialTexts(fields);
  return [...drafts, { key, wrapper, fields, texts, problems: {} }];
}

/** The wrappers as a start has them; null: something is wrong in a draft. */
export function usesOf(
  drafts: readonly IWrapperDraft[]
): readonly IWrapperUse[] | null {
  return withProblems(drafts).some(hasProblem)
    ? null
    : drafts.map(({ wrapper, fields, texts }) => {
        const { values, texts: typed } = readForm(fields, texts);
        const hasTexts = Object.keys(typed).length > 0;
        return {
          name: wrapper.name,
          inputs: values,
          ...(hasTexts ? { texts: typed } : {})
        };
      });
}

/** The drafts with what is wrong in them. */
export function withProblems(
  drafts: readonly IWrapperDraft[]
): readonly IWrapperDraft[] {
  return drafts.map(draft => ({
    ...draft,
    problems: readForm(draft.fields, draft.texts).problems
  }));
}

function hasProblem({ problems }: IWrapperDraft): boolean {
  return Object.keys(problems).length > 0;
}

/** Wrappers in a few words: `retry (max_tries 5)`. */
export function usesText(uses: readonly IWrapperUse[]): string {
  return uses
    .map(({ name, inputs }) => {
      const parts = Object.entries(inputs).map(
        ([parameter, value]) => `${parameter} ${JSON.stringify(value)}`
      );
      return parts.length === 0 ? name : `${name} (${parts.join(', ')})`;
    })
    .join(', ');
}

/** A wrapper that a run went through, and its parameters as they hold for it. */
export interface IWrapperParameters {
  readonly name: string;
  readonly values: readonly INamedValue[];
}

/**
 * The wrappers that a run went through, outermost first: of anything but a wrapper none.
 *
 * @param noLimit What stands for the limit of one that waits for a person without one.
 */
export function parametersAround(
  execution: IExecution,
  noLimit: string
): readonly IWrapperParameters[] {
  return wrappersAround(execution).map(use => {
    const hasNoLimit = execution.is_interactive && isInteractive(use);
    const values = Object.entries(use.inputs).map(([name, value]) => ({
      name,
      value: hasNoLimit && name === LIMIT ? noLimit : value,
      isDefault: false
    }));
    return { name: use.name, values };
  });
}
