import { createHash } from 'node:crypto'

const style = `
:root { color-scheme: light dark; --line: #767676; --error: #b00020; --accent: #0b57d0; --on-accent: #fff }
@media (prefers-color-scheme: dark) { :root { --error: #ff8a80; --accent: #a8c7fa; --on-accent: #062e6f } }
* { box-sizing: border-box }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; display: grid; min-height: 100vh; place-items: center }
main { width: min(100% - 2rem, 24rem); padding: 2rem 0 }
h1 { font-size: 1.5rem; margin: 0 0 1rem }
label { display: block; font-weight: 600; margin-top: 1rem }
input { width: 100%; font: inherit; padding: .6rem; border: 1px solid var(--line); border-radius: .3rem }
input[aria-invalid] { border: 2px solid var(--error) }
button { width: 100%; font: inherit; font-weight: 600; padding: .7rem; margin-top: 1.5rem; border: 0; border-radius: .3rem; background: var(--accent); color: var(--on-accent); cursor: pointer }
button.plain { background: none; color: inherit; border: 1px solid var(--line); margin-top: .75rem }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.hint { margin: 0; color: GrayText }
.errors { border: 2px solid var(--error); border-radius: .3rem; padding: 1rem; margin-bottom: 1rem }
.errors h2 { font-size: 1rem; margin: 0; color: var(--error) }
.errors ul { margin: .5rem 0 0; padding-left: 1.2rem }
`

const styleHash = createHash('sha256').update(style).digest('base64')

export interface Page {
  title: string
  body: string
  /** Origins, besides our own, to which submitting a form may lead: browsers check redirects against them too. */
  formTargets?: readonly string[]
}

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
export const escapeHtml = (text: string) => text.replaceAll(/[&<>"']/g, (character) => escapes[character]!)

export const renderPage = ({ title, body }: Page): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} – Staffmesh</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`

/** No script at all, styles by their hash, no framing, no referrer (an invitation's address is a secret). */
export const pageHeaders = ({ formTargets = [] }: Pick<Page, 'formTargets'>): Record<string, string> => ({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
})

export interface Fault {
  /** Id of the field. */
  field: string
  text: string
}

export function errorSummary(faults: readonly Fault[]): string {
  if (faults.length === 0) return ''
  const items = faults.map(({ field, text }) => `<li><a href="#${field}">${escapeHtml(text)}</a></li>`)
  return `<div class="errors" role="alert" aria-labelledby="errors-title">
<h2 id="errors-title">There is a problem</h2>
<ul>${items.join('')}</ul>
</div>`
}

export function input(options: {
  id: string
  label: string
  type: 'text' | 'email' | 'password'
  autocomplete: string
  value?: string
  hint?: string
  autofocus?: boolean
  faults: readonly Fault[]
}): string {
  const { id, hint } = options
  const isInvalid = options.faults.some(({ field }) => field === id)
  return `<label for="${id}">${escapeHtml(options.label)}</label>
${hint ? `<p class="hint" id="${id}-hint">${escapeHtml(hint)}</p>` : ''}
<input id="${id}" name="${id}" type="${options.type}" autocomplete="${options.autocomplete}" required maxlength="254"
  value="${escapeHtml(options.value ?? '')}" autocapitalize="none" spellcheck="false"
  ${hint ? `aria-describedby="${id}-hint"` : ''} ${isInvalid ? 'aria-invalid="true"' : ''} ${options.autofocus ? 'autofocus' : ''}>`
}
