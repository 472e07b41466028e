/** An output of a program, drawn so that nothing in it runs, is requested, or leaves its place. */
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';
import type { MouseEvent } from 'react';
import { useLayoutEffect, useMemo, useRef, useState } from 'react';

import { Button } from '../components/blocks';
import { useTrans } from '../components/context';
import { RecordTable } from '../components/run-dialog';
import { lineText } from '../model/log-lines';
import type { ISafeOutput } from '../model/mime';
import { safeOutput } from '../model/mime';
import { sizeText } from '../model/notebook-cells';
import type { JsonObject } from '../wire';
import { useLab } from './lab';
import { VirtualLines } from './virtual-lines';

/** Characters of a text that Lab draws at once, inclusive: more are drawn as lines in sight. */
const MOST_TEXT = 60_000;
/** The same for Markdown and TeX: more is drawn on request. */
const MOST_MARKUP = 100_000;
/** Tags of HTML that is drawn at once, inclusive: a picture in it costs little. */
const MOST_TAGS = 3_000;
/** Of still more, only the source is shown. */
const MOST_DRAWN = 1_000_000;

export function Output(props: {
  readonly output: JsonObject;
  readonly label: string;
}): JSX.Element {
  const { output, label } = props;
  const trans = useTrans();
  const safe = useMemo(() => safeOutput(output), [output]);
  return (
    <div className="jp-flowkernel-output">
      {safe.table === null ? (
        <Drawing output={safe} label={label} />
      ) : (
        <RecordTable name={label} table={safe.table} />
      )}
      {safe.cut !== null && (
        <p className="jp-flowkernel-remark">
          {trans.__(
            '%1 of %2 is left out',
            sizeText(safe.cut.bytes),
            safe.cut.mimeType
          )}
        </p>
      )}
      {safe.hidden.length > 0 && (
        <p className="jp-flowkernel-remark">
          {trans.__(
            'Not drawn here: %1. Open the notebook to see it.',
            safe.hidden.join(', ')
          )}
        </p>
      )}
    </div>
  );
}

interface IForeignProps {
  readonly output: ISafeOutput;
  readonly mimeType: string;
  readonly label: string;
}

/** In the way that fits its size. */
function Drawing(props: {
  readonly output: ISafeOutput;
  readonly label: string;
}): JSX.Element | null {
  const { output, label } = props;
  const { rendermime } = useLab();
  const mimeType = rendermime.preferredMimeType(output.data, 'ensure');
  const text = mimeType === undefined ? undefined : output.data[mimeType];
  if (mimeType === undefined || text === undefined || text === '') {
    return null;
  }
  return isHeavy(mimeType, text) ? (
    <LongMarkup output={output} mimeType={mimeType} label={label} text={text} />
  ) : isLong(mimeType, text) ? (
    <LongText text={text} label={label} />
  ) : (
    <Foreign output={output} mimeType={mimeType} label={label} />
  );
}

function isHeavy(mimeType: string, text: string): boolean {
  switch (mimeType) {
    case 'text/html':
      return text.split('<', MOST_TAGS + 2).length > MOST_TAGS + 1;
    case 'text/markdown':
    case 'text/latex':
      return text.length > MOST_MARKUP;
    default:
      return false;
  }
}

function isLong(mimeType: string, text: string): boolean {
  const isText = mimeType === 'text/plain' || mimeType.includes('.jupyter.std');
  return isText && text.length > MOST_TEXT;
}

/** Drawing it takes a while, in which the page would not answer: it is done on request. */
function LongMarkup(
  props: IForeignProps & { readonly text: string }
): JSX.Element {
  const { text, label } = props;
  const trans = useTrans();
  const [isDrawn, setDrawn] = useState(false);
  if (isDrawn) {
    return <Foreign {...props} />;
  }
  return (
    <>
      <LongText text={text} label={label} />
      {text.length <= MOST_DRAWN && (
        <Button
          label={trans.__('Draw it (%1)', sizeText(text.length))}
          onClick={() => setDrawn(true)}
        />
      )}
    </>
  );
}

function LongText(props: {
  readonly text: string;
  readonly label: string;
}): JSX.Element {
  const lines = useMemo(() => props.text.split('\n'), [props.text]);
  return (
    <VirtualLines
      mostLines={20}
      label={props.label}
      count={lines.length}
      render={place => lineText(lines[place] ?? '')}
    />
  );
}

/** One of Lab's renderers in a frame that it cannot leave. */
export function Foreign(props: IForeignProps): JSX.Element {
  const { output, mimeType, label } = props;
  const { rendermime } = useLab();
  const host = useRef<HTMLDivElement>(null);
  const renderer = useRef<IRenderMime.IRenderer | null>(null);
  useLayoutEffect(() => {
    const widget = rendermime.createRenderer(mimeType);
    renderer.current = widget;
    Widget.attach(widget, host.current!);
    return () => widget.dispose();
  }, [rendermime, mimeType]);
  useLayoutEffect(() => {
    const { data, metadata } = output;
    const model = rendermime.createModel({ data, metadata, trusted: false });
    renderer.current?.renderModel(model).catch((error: unknown) => {
      console.warn('flowkernel: an output cannot be drawn.', error);
    });
  }, [rendermime, mimeType, output]);
  return (
    <div
      ref={host}
      className="jp-flowkernel-foreign"
      role="group"
      aria-label={label}
      tabIndex={0}
      onClickCapture={keepSafe}
      onAuxClickCapture={keepSafe}
    />
  );
}

/** Only pages elsewhere can be opened from an output. */
function keepSafe(event: MouseEvent<HTMLElement>): void {
  const link = (event.target as Element).closest('a');
  const address =
    link?.getAttribute('href') ?? link?.getAttribute('xlink:href');
  if (link !== null && !/^(?:https?|mailto):/i.test(address ?? '')) {
    event.preventDefault();
  }
}
