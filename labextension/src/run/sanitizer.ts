/** The sanitizer of everything foreign on the page of a run: Lab's, and our own check after it. */
import type { IRenderMime } from '@jupyterlab/rendermime';

import { safeHtml, SANITIZER_OPTIONS } from '../model/safe-html';

export class SafeSanitizer implements IRenderMime.ISanitizer {
  /** @param _lab Lab's own. */
  constructor(private readonly _lab: IRenderMime.ISanitizer) {}

  readonly allowNamedProperties = false;
  readonly allowCommandLinker = false;

  /** @param options Of them only tags are heeded, and only where they are fewer. */
  sanitize(dirty: string, options?: IRenderMime.ISanitizerOptions): string {
    const tags = options?.allowedTags;
    const { allowedTags } = SANITIZER_OPTIONS;
    const clean = this._lab.sanitize(dirty, {
      ...SANITIZER_OPTIONS,
      allowedTags: tags
        ? allowedTags.filter(tag => tags.includes(tag))
        : allowedTags
    });
    return safeHtml(clean);
  }

  /** Addresses in texts become links, which a person may follow. */
  getAutolink(): boolean {
    return true;
  }
}
