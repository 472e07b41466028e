/** The Markdown of a message as elements of ours: nothing in it can run or be requested. */
import { useMemo } from 'react';

import type { Block, Span } from '../model/markdown';
import { blocksOf } from '../model/markdown';

export function Markdown(props: { readonly text: string }): JSX.Element {
  const blocks = useMemo(() => blocksOf(props.text), [props.text]);
  return (
    <div className="jp-flowkernel-markdown">
      {blocks.map((block, index) => (
        <BlockView key={index} block={block} />
      ))}
    </div>
  );
}

function BlockView(props: { readonly block: Block }): JSX.Element {
  const { block } = props;
  switch (block.kind) {
    case 'code':
      return <pre tabIndex={0}>{block.text}</pre>;
    case 'heading':
      return (
        <p>
          <strong>
            <Spans spans={block.spans} />
          </strong>
        </p>
      );
    case 'list':
      return (
        <ul>
          {block.items.map((spans, index) => (
            <li key={index}>
              <Spans spans={spans} />
            </li>
          ))}
        </ul>
      );
    case 'paragraph':
      return (
        <p>
          <Spans spans={block.spans} />
        </p>
      );
  }
}

function Spans(props: { readonly spans: readonly Span[] }): JSX.Element {
  return (
    <>
      {props.spans.map(({ kind, text }, index) => {
        switch (kind) {
          case 'strong':
            return <strong key={index}>{text}</strong>;
          case 'emphasis':
            return <em key={index}>{text}</em>;
          case 'code':
            return <code key={index}>{text}</code>;
          case 'text':
            return <span key={index}>{text}</span>;
        }
      })}
    </>
  );
}
