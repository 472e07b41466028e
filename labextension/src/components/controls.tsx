/** Small controls: a search box, and buttons that are an icon. */
import type { LabIcon } from '@jupyterlab/ui-components';
import {
  closeIcon,
  codeIcon,
  ellipsesIcon,
  filterDotIcon,
  filterIcon,
  listIcon,
  refreshIcon,
  runIcon
} from '@jupyterlab/ui-components';
import type { MouseEvent } from 'react';

import { useTrans } from './context';

const ICONS = {
  clear: closeIcon,
  filter: filterIcon,
  'filter-dot': filterDotIcon,
  group: listIcon,
  menu: ellipsesIcon,
  refresh: refreshIcon,
  run: runIcon,
  source: codeIcon
} satisfies { readonly [name: string]: LabIcon };

export function IconButton(props: {
  readonly icon: keyof typeof ICONS;
  readonly label: string;
  readonly onClick: (event: MouseEvent<HTMLButtonElement>) => void;
  /** Of a button that is pressed or not. */
  readonly isPressed?: boolean;
  readonly tabIndex?: number;
}): JSX.Element {
  const Icon = ICONS[props.icon].react;
  return (
    <button
      type="button"
      className="jp-flowkernel-icon-button"
      aria-label={props.label}
      aria-pressed={props.isPressed}
      title={props.label}
      tabIndex={props.tabIndex}
      onClick={props.onClick}
      onDoubleClick={event => event.stopPropagation()}
    >
      <Icon tag="span" height="16px" width="16px" aria-hidden />
    </button>
  );
}

export function SearchBox(props: {
  readonly label: string;
  readonly text: string;
  readonly onChange: (text: string) => void;
}): JSX.Element {
  const trans = useTrans();
  return (
    <div className="jp-flowkernel-search">
      <input
        type="text"
        role="searchbox"
        className="jp-flowkernel-input jp-mod-styled"
        aria-label={props.label}
        placeholder={props.label}
        spellCheck={false}
        value={props.text}
        onChange={event => props.onChange(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Escape' && props.text !== '') {
            props.onChange('');
            event.stopPropagation();
          }
        }}
      />
      {props.text !== '' && (
        <IconButton
          icon="clear"
          label={trans.__('Clear the search')}
          onClick={() => props.onChange('')}
        />
      )}
    </div>
  );
}
