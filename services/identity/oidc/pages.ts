import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider'
import { errorSummary, escapeHtml, type Fault, input, type Page, pageHeaders, renderPage } from './html.ts'

export interface LoginForm {
  client: string
  company: string
  email: string
  faults: readonly Fault[]
  formTargets: readonly string[]
}

export function loginPage(form: LoginForm): Page {
  const { faults } = form
  const isKnown = form.company !== '' && form.email !== ''
  return {
    title: faults.length > 0 ? 'Error: Log in' : 'Log in',
    formTargets: form.formTargets,
    body: `<h1>Log in to ${escapeHtml(form.client)}</h1>
${errorSummary(faults)}
<form method="post">
${input({
  id: 'company',
  label: 'Company',
  type: 'text',
  autocomplete: 'organization',
  value: form.company,
  hint: "Your company's short name",
  autofocus: !isKnown,
  faults,
})}
${input({ id: 'email', label: 'E-mail address', type: 'email', autocomplete: 'username', value: form.email, faults })}
${input({
  id: 'password',
  label: 'Password',
  type: 'password',
  autocomplete: 'current-password',
  autofocus: isKnown,
  faults,
})}
<button type="submit">Log in</button>
</form>`,
  }
}

/**
 * Nobody is asked whether the platform's own clients may act for him, see `grantAll`. But an app on this machine must
 * not get a token from a login that is still open without the person knowing (RFC 8252, section 8.6).
 */
export const consentPage = (redirectUri: unknown): Page => ({
  title: 'Continue',
  formTargets: targetsOf(redirectUri),
  body: `<h1>Continue to Staffmesh?</h1>
<p>You are logged in. An application asks to act for you. If you did not start one, close this page.</p>
<form method="post"><button type="submit" autofocus>Continue</button></form>`,
})

/** Where a submitted form leads in the end: the origin of the client, or the scheme of a native app. */
export function targetsOf(redirectUri: unknown): string[] {
  const { origin, protocol } = new URL(String(redirectUri))
  return [origin === 'null' ? protocol : origin]
}

export function invitationPage(form: {
  token: string
  company: string
  email: string
  faults: readonly Fault[]
}): Page {
  const { faults } = form
  return {
    title: faults.length > 0 ? 'Error: Choose a password' : 'Choose a password',
    body: `<h1>Welcome to ${escapeHtml(form.company)}</h1>
${errorSummary(faults)}
<form method="post">
<input type="hidden" name="token" value="${escapeHtml(form.token)}">
<input type="hidden" name="username" autocomplete="username" value="${escapeHtml(form.email)}">
${input({
  id: 'password',
  label: 'New password',
  type: 'password',
  autocomplete: 'new-password',
  hint: 'At least 10 characters; a sentence is easy to remember.',
  autofocus: true,
  faults,
})}
${input({ id: 'repeated', label: 'New password again', type: 'password', autocomplete: 'new-password', faults })}
<button type="submit">Set password</button>
</form>`,
  }
}

export const acceptedPage = (account: { slug: string; email: string }): Page => ({
  title: 'Password set',
  body: `<h1>Your password is set</h1>
<p>Log in with the company <strong>${escapeHtml(account.slug)}</strong> and the e-mail address
<strong>${escapeHtml(account.email)}</strong>.</p>`,
})

export const messagePage = (title: string, text: string): Page => ({
  title,
  body: `<h1>${escapeHtml(title)}</h1>\n<p>${escapeHtml(text)}</p>`,
})

/** The library's own pages, in our dress. */
function respond(ctx: KoaContextWithOIDC, page: Page): void {
  ctx.set(pageHeaders(page))
  ctx.body = renderPage(page)
}

export function renderLogout(ctx: KoaContextWithOIDC, form: string): void {
  const target = ctx.oidc.params?.post_logout_redirect_uri
  respond(ctx, {
    title: 'Log out',
    formTargets: typeof target === 'string' ? targetsOf(target) : [],
    body: `<h1>Do you want to log out?</h1>
${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>Log out</button>
<button type="submit" form="op.logoutForm" class="plain">Stay logged in</button>`,
  })
}

export function renderLoggedOut(ctx: KoaContextWithOIDC): void {
  respond(ctx, messagePage('You are logged out', 'You can close this page.'))
}

export function renderError(ctx: KoaContextWithOIDC, out: ErrorOut): void {
  respond(ctx, {
    title: 'Login failed',
    body: `<h1>This did not work</h1>
<p>${escapeHtml(String(out.error_description ?? 'Go back to the application and try again.'))}</p>
<p class="hint">${escapeHtml(out.error)}</p>`,
  })
}
