/** Lab's own renderers, for what programs wrote: filtered, with no renderer of anybody else. */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import {
  RenderMimeRegistry,
  standardRendererFactories
} from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';

import { isHarmlessTex, withoutDiagrams } from '../model/safe-html';
import { SafeSanitizer } from './sanitizer';

export function safeRendermime(lab: IRenderMimeRegistry): IRenderMimeRegistry {
  const { latexTypesetter: typesetter, markdownParser: parser } = lab;
  return new RenderMimeRegistry({
    initialFactories: standardRendererFactories,
    sanitizer: new SafeSanitizer(lab.sanitizer),
    ...(typesetter && { latexTypesetter: new SafeTypesetter(typesetter) }),
    ...(parser && {
      markdownParser: { render: text => parser.render(withoutDiagrams(text)) }
    })
  });
}

class SafeTypesetter implements IRenderMime.ILatexTypesetter {
  constructor(private readonly _lab: IRenderMime.ILatexTypesetter) {}

  /** Draw the formulas in it; what makes links or styles stays as it is written. */
  typeset(element: HTMLElement): void | Promise<void> {
    if (isHarmlessTex(element.textContent ?? '')) {
      return this._lab.typeset(element);
    }
  }
}
