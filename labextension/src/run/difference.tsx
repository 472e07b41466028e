/** Two sources side by side, with what is other in them. */
import { EditorState } from '@codemirror/state';
import type { Extension } from '@codemirror/state';
import { EditorView, lineNumbers } from '@codemirror/view';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { jupyterTheme } from '@jupyterlab/codemirror';
import { useEffect, useRef } from 'react';

import { useLab } from './lab';

/** Lines around a change that are shown, and how many equal ones are folded at least. */
const AROUND = { margin: 3, minSize: 6 };
/** Of sources that are very different, the difference is not exact. Milliseconds. */
const TIMEOUT = 500;

export interface IDifferenceProps {
  readonly left: string;
  readonly right: string;
  readonly leftLabel: string;
  readonly rightLabel: string;
  readonly language: string;
}

export function Difference(props: IDifferenceProps): JSX.Element {
  const { left, right, leftLabel, rightLabel, language } = props;
  const { languages } = useLab();
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let isShown = true;
    let close = (): void => undefined;
    const open = async (): Promise<void> => {
      const [{ MergeView }, colours] = await Promise.all([
        import('@codemirror/merge'),
        coloursOf(languages, language)
      ]);
      if (isShown && host.current !== null) {
        const view = new MergeView({
          a: { doc: left, extensions: reading(leftLabel, colours) },
          b: { doc: right, extensions: reading(rightLabel, colours) },
          parent: host.current,
          collapseUnchanged: AROUND,
          diffConfig: { scanLimit: 2_000, timeout: TIMEOUT }
        });
        close = () => view.destroy();
      }
    };
    open().catch((error: unknown) =>
      console.warn('flowkernel: a difference cannot be drawn.', error)
    );
    return () => {
      isShown = false;
      close();
    };
  }, [left, right, leftLabel, rightLabel, languages, language]);
  return <div ref={host} className="jp-flowkernel-difference" />;
}

/** An editor in which nobody writes. */
function reading(label: string, colours: Extension): Extension {
  return [
    lineNumbers(),
    jupyterTheme,
    colours,
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ tabindex: '0', 'aria-label': label })
  ];
}

/** Without colours, if Lab does not know the language. */
async function coloursOf(
  languages: IEditorLanguageRegistry | null,
  name: string
): Promise<Extension> {
  const language = languages?.findBest(name) ?? null;
  const description = language && (await languages?.getLanguage(language));
  return description?.support ?? [];
}
