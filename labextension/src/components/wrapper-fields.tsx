/** The wrappers around a run: a list to choose from, and the parameters of each. */
import { useId } from 'react';

import type { Api } from '../api';
import type { IWrapperDraft } from '../model/wrapper-uses';
import { usesText, withWrapper } from '../model/wrapper-uses';
import { withoutProblem } from '../model/forms';
import type { IWrapper, IWrapperUse } from '../wire';
import { Button } from './blocks';
import { useTrans } from './context';
import { FormFields } from './form';

interface IWrapperFieldsProps {
  /** Those that can be chosen. */
  readonly wrappers: readonly IWrapper[];
  readonly drafts: readonly IWrapperDraft[];
  readonly onChange: (drafts: readonly IWrapperDraft[]) => void;
  readonly isDisabled: boolean;
}

/** What it can be run through, and what it is run through in any case. */
export function Wrappers(
  props: IWrapperFieldsProps & {
    /** The wrappers that it has itself. */
    readonly through: readonly IWrapperUse[];
  }
): JSX.Element {
  const { wrappers, through } = props;
  const trans = useTrans();
  return (
    <>
      {wrappers.length > 0 && <WrapperFields {...props} />}
      {through.length > 0 && (
        <p className="jp-flowkernel-secondary">
          {trans.__('In any case it runs through %1.', usesText(through))}
        </p>
      )}
    </>
  );
}

function WrapperFields(props: IWrapperFieldsProps): JSX.Element {
  const { wrappers, drafts, onChange, isDisabled } = props;
  const trans = useTrans();
  const id = useId();
  const add = (name: string): void => {
    const wrapper = wrappers.find(item => item.name === name);
    if (wrapper !== undefined) {
      onChange(withWrapper(drafts, wrapper));
    }
  };
  return (
    <>
      {drafts.map(draft => (
        <WrapperDraft
          key={draft.key}
          draft={draft}
          isDisabled={isDisabled}
          onChange={changed =>
            onChange(drafts.map(item => (item === draft ? changed : item)))
          }
          onRemove={() => onChange(drafts.filter(item => item !== draft))}
        />
      ))}
      <label htmlFor={id}>
        {drafts.length === 0
          ? trans.__('Run it through a wrapper')
          : trans.__('Inside of these, one more wrapper')}
      </label>
      <select
        id={id}
        className="jp-flowkernel-input jp-mod-styled"
        value=""
        disabled={isDisabled}
        onChange={event => add(event.target.value)}
      >
        <option value="">{trans.__('none')}</option>
        {wrappers.map(({ name, description }) => (
          <option key={name} value={name}>
            {description === '' ? name : `${name}: ${description}`}
          </option>
        ))}
      </select>
    </>
  );
}

function WrapperDraft(props: {
  readonly draft: IWrapperDraft;
  readonly isDisabled: boolean;
  readonly onChange: (draft: IWrapperDraft) => void;
  readonly onRemove: () => void;
}): JSX.Element {
  const { draft, isDisabled, onChange, onRemove } = props;
  const { wrapper, fields, texts, problems } = draft;
  const trans = useTrans();
  return (
    <fieldset className="jp-flowkernel-wrapper" disabled={isDisabled}>
      <legend>{wrapper.name}</legend>
      {wrapper.description !== '' && (
        <p className="jp-flowkernel-secondary">{wrapper.description}</p>
      )}
      <FormFields
        fields={fields}
        texts={texts}
        problems={problems}
        isDisabled={isDisabled}
        onChange={(name, text) =>
          onChange({
            ...draft,
            texts: { ...texts, [name]: text },
            problems: withoutProblem(problems, name)
          })
        }
      />
      <Button
        label={trans.__('Leave %1 out', wrapper.name)}
        onClick={onRemove}
        isDisabled={isDisabled}
      />
    </fieldset>
  );
}

/** What a flow can be run through; an engine of an older version does not say it. */
export async function readWrappers(api: Api): Promise<readonly IWrapper[]> {
  try {
    return await api.wrappers();
  } catch (error) {
    console.warn('flowkernel: the wrappers could not be read.', error);
    return [];
  }
}
