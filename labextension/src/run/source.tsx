/** The source of a cell, with the colours of Lab's editors. */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { jupyterTheme } from '@jupyterlab/codemirror';
import { EditorView } from '@codemirror/view';
import { useLayoutEffect, useRef } from 'react';

import { useLab } from './lab';

/** Characters of a source that gets colours, inclusive. */
const MOST_COLOURED = 100_000;

export function Source(props: {
  readonly code: string;
  readonly language: string;
  readonly label: string;
}): JSX.Element {
  const { code, language, label } = props;
  const { languages } = useLab();
  const element = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const host = element.current!;
    host.textContent = code;
    let isShown = true;
    if (languages !== null && code.length <= MOST_COLOURED) {
      coloured(languages, code, language).then(
        parts => isShown && host.replaceChildren(...parts),
        (error: unknown) =>
          console.warn('flowkernel: a source has no colours.', error)
      );
    }
    return () => {
      isShown = false;
    };
  }, [languages, code, language]);
  return (
    <pre
      className="jp-flowkernel-cell-source"
      role="group"
      tabIndex={0}
      aria-label={label}
    >
      <code ref={element} />
    </pre>
  );
}

let areColoursThere = false;

async function coloured(
  languages: IEditorLanguageRegistry,
  code: string,
  language: string
): Promise<readonly Node[]> {
  if (!areColoursThere) {
    // The first editor brings the rules of its colours into the document, where they stay.
    new EditorView({ extensions: jupyterTheme, root: document }).destroy();
    areColoursThere = true;
  }
  const parts = document.createElement('code');
  await languages.highlight(code, languages.findBest(language), parts);
  return [...parts.childNodes];
}
