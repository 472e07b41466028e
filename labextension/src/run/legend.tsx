/** What the shapes of a drawing mean. */
import type { ReactNode } from 'react';

import { useTrans } from '../components/context';

export interface ILegendEntry {
  readonly key: string;
  /** How wide its shape is, in pixels. */
  readonly width: number;
  readonly shape: ReactNode;
  readonly word: string;
}

export function Legend(props: {
  readonly entries: readonly ILegendEntry[];
}): JSX.Element {
  const trans = useTrans();
  return (
    <ul
      className="jp-flowkernel-timeline-legend"
      aria-label={trans.__('Legend')}
    >
      {props.entries.map(({ key, width, shape, word }) => (
        <li key={key}>
          <svg width={width} height={24} aria-hidden>
            {shape}
          </svg>
          {word}
        </li>
      ))}
    </ul>
  );
}
