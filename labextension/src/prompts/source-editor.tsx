/** The source of a cell in Lab's own editor: its colours, its key map, its settings. */
import { Prec } from '@codemirror/state';
import { unifiedMergeView } from '@codemirror/merge';
import type { Extension } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import type { IEditorServices } from '@jupyterlab/codeeditor';
import { CodeEditor } from '@jupyterlab/codeeditor';
import { useEffect, useRef } from 'react';

/** What cells are written in, with magics. */
const MIME_TYPE = 'text/x-ipython';
/** Lines of the source that did not change, beside each that did. */
const UNCHANGED = { margin: 3, minSize: 6 };
/** Above these many changed characters lines are compared as a whole. */
const SCAN_LIMIT = 1_000;

interface IEditorProps {
  readonly services: IEditorServices;
  /** Read aloud as the name of the field. */
  readonly label: string;
  readonly source: string;
}

/** An editor while it is on the page. Its `source` is what it begins with. */
export function SourceEditor(
  props: IEditorProps & {
    readonly isReadOnly: boolean;
    readonly onChange: (source: string) => void;
    /** Shift+Enter, as in a notebook. */
    readonly onSend: () => void;
  }
): JSX.Element {
  const { isReadOnly } = props;
  const current = useRef(props);
  current.current = props;
  const editor = useRef<CodeEditor.IEditor | null>(null);
  const attach = (host: HTMLElement): (() => void) => {
    const send = (): boolean => {
      current.current.onSend();
      return true;
    };
    const keys = keymap.of([{ key: 'Shift-Enter', run: send }]);
    const created = createEditor(props, host, [Prec.highest(keys)]);
    const { sharedModel } = created.model;
    sharedModel.changed.connect(() =>
      current.current.onChange(sharedModel.getSource())
    );
    editor.current = created;
    return () => disposeEditor(created);
  };
  const host = useEditorHost(attach);
  useEffect(() => {
    editor.current?.setOption('readOnly', isReadOnly);
  }, [isReadOnly]);
  return <div ref={host} className="jp-flowkernel-source-editor" />;
}

/** What was changed in a source, line by line, without a word about the rest. */
export function SourceDifference(
  props: IEditorProps & { readonly original: string }
): JSX.Element {
  const { original, source } = props;
  const editor = useRef<CodeEditor.IEditor | null>(null);
  const attach = (host: HTMLElement): (() => void) => {
    const created = createEditor(props, host, [
      unifiedMergeView({
        original,
        mergeControls: false,
        collapseUnchanged: UNCHANGED,
        diffConfig: { scanLimit: SCAN_LIMIT }
      })
    ]);
    created.setOption('readOnly', true);
    editor.current = created;
    return () => disposeEditor(created);
  };
  const host = useEditorHost(attach);
  useEffect(() => {
    const model = editor.current?.model.sharedModel;
    if (model !== undefined && model.getSource() !== source) {
      model.setSource(source);
    }
  }, [source]);
  return <div ref={host} className="jp-flowkernel-source-editor" />;
}

/** Attaches once: what changes afterwards is told to the editor. */
function useEditorHost(
  attach: (host: HTMLElement) => () => void
): React.RefObject<HTMLDivElement> {
  const host = useRef<HTMLDivElement>(null);
  const first = useRef(attach);
  useEffect(
    () => (host.current === null ? undefined : first.current(host.current)),
    []
  );
  return host;
}

function createEditor(
  props: IEditorProps,
  host: HTMLElement,
  extensions: readonly Extension[]
): CodeEditor.IEditor {
  const model = new CodeEditor.Model({ mimeType: MIME_TYPE });
  model.sharedModel.setSource(props.source);
  const label = EditorView.contentAttributes.of({ 'aria-label': props.label });
  return props.services.factoryService.newInlineEditor({
    host,
    model,
    config: { lineNumbers: true },
    extensions: [label, ...extensions]
  });
}

function disposeEditor(editor: CodeEditor.IEditor): void {
  const { model } = editor;
  editor.dispose();
  model.dispose();
}
