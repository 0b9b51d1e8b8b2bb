import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type Provider from 'oidc-provider'
import { errors, type InteractionResults } from 'oidc-provider'
import type { Database } from '#kit/database.ts'
import { log } from '#kit/log.ts'
import { DomainError } from '#kit/problem.ts'
import type { IdentityConfig } from '../config.ts'
import { passwordFaults } from '../domain/password.ts'
import { acceptInvitation, readInvitation } from '../invitations.ts'
import { logIn } from '../login.ts'
import { oidcPath } from '../service.ts'
import { type Fault, type Page, pageHeaders, renderPage } from './html.ts'
import { acceptedPage, consentPage, invitationPage, loginPage, messagePage, targetsOf } from './pages.ts'
import { userinfo } from './userinfo.ts'

type Env = { Bindings: HttpBindings }
type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

/** The pages that a person fills in; they work without JavaScript. */
export function createForms(provider: Provider, database: Database, config: IdentityConfig): Hono<Env> {
  const app = new Hono<Env>().basePath(oidcPath)
  app.use(
    bodyLimit({ maxSize: 10_000, onError: (c) => show(c, messagePage('Too large', 'Try again.'), 413) }),
  )

  app.get('/login/:uid', async (c) => {
    const interaction = await provider.interactionDetails(c.env.incoming, c.env.outgoing)
    if (interaction.prompt.name === 'consent') return show(c, consentPage(interaction.params.redirect_uri))
    const { company, login_hint } = interaction.params
    return showLogin(c, interaction, { company: text(company), email: text(login_hint), faults: [] })
  })

  app.post('/login/:uid', async (c) => {
    const interaction = await provider.interactionDetails(c.env.incoming, c.env.outgoing)
    const finish = async (result: InteractionResults) =>
      c.redirect(await provider.interactionResult(c.env.incoming, c.env.outgoing, result), 303)
    if (interaction.prompt.name === 'consent') return finish({ consent: {} })
    const form = await c.req.parseBody()
    const given = { company: text(form.company), email: text(form.email), password: text(form.password) }
    const missing = (['company', 'email', 'password'] as const).filter((field) => given[field].trim() === '')
    if (missing.length > 0)
      return showLogin(
        c,
        interaction,
        { ...given, faults: missing.map((field) => ({ field, text: prompts[field] })) },
        422,
      )
    const result = await logIn(database, given, addressOf(c), config.cookieKeys[0]!)
    // Who has just typed the password need not confirm as well.
    if (result.ok)
      return finish({ login: { accountId: result.account, amr: ['pwd'], remember: false }, consent: {} })
    if (result.reason === 'refused')
      return showLogin(c, interaction, { ...given, faults: [{ field: 'password', text: refused }] }, 422)
    c.header('retry-after', String(result.seconds))
    const wait = `Too many attempts. Wait ${result.seconds} seconds, then try again.`
    return showLogin(c, interaction, { ...given, faults: [{ field: 'password', text: wait }] }, 429)
  })

  app.get('/invitation', async (c) => {
    const token = c.req.query('token') ?? ''
    const invited = await readInvitation(database, token)
    if (!invited) return show(c, goneLink, 410)
    return show(c, invitationPage({ token, company: invited.companyName, email: invited.email, faults: [] }))
  })

  app.post('/invitation', async (c) => {
    const form = await c.req.parseBody()
    const token = text(form.token)
    const invited = await readInvitation(database, token)
    if (!invited) return show(c, goneLink, 410)
    const again = (faults: Fault[]) =>
      show(c, invitationPage({ token, company: invited.companyName, email: invited.email, faults }), 422)
    if (text(form.password) !== text(form.repeated))
      return again([{ field: 'repeated', text: 'The two passwords differ.' }])
    const accepted = await acceptInvitation(database, token, text(form.password))
    if (accepted.ok) return show(c, acceptedPage(accepted))
    if (accepted.fault === 'link') return show(c, goneLink, 410)
    return again([{ field: 'password', text: passwordFaults[accepted.fault] }])
  })

  app.on(['GET', 'POST'], '/me', userinfo(database, config))
  app.notFound((c) => show(c, messagePage('Not found', 'There is no such page.'), 404))
  app.onError((error, c) => {
    if (error instanceof errors.SessionNotFound)
      return show(c, messagePage('This login has ended', 'Go back to the application and log in again.'), 400)
    if (!(error instanceof DomainError)) log.error({ err: error }, 'login page failed')
    return show(c, messagePage('Something went wrong', 'Try again in a moment.'), 503)
  })
  return app
}

const refused = 'Company, e-mail address and password do not match an account that may log in.'
const prompts = {
  company: "Enter your company's short name.",
  email: 'Enter your e-mail address.',
  password: 'Enter your password.',
}
const goneLink = messagePage(
  'This link has ended',
  'It was used, or it is too old. Ask your HR department for another.',
)

function showLogin(
  c: Context,
  interaction: Interaction,
  form: { company: string; email: string; faults: Fault[] },
  status: 200 | 422 | 429 = 200,
) {
  const page = loginPage({
    client: 'Staffmesh',
    ...form,
    formTargets: targetsOf(interaction.params.redirect_uri),
  })
  return show(c, page, status)
}

function show(c: Context, page: Page, status: 200 | 400 | 404 | 410 | 413 | 422 | 429 | 503 = 200) {
  return c.body(renderPage(page), status, pageHeaders(page))
}

/** What was typed; PostgreSQL takes no NUL. */
const text = (value: unknown) => (typeof value === 'string' ? value.replaceAll('\0', '') : '')

/** The client's address as the edge wrote it: the last entry, since those before it come from outside. */
function addressOf(c: Context<Env>): string {
  const forwarded = c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim()
  return forwarded || c.env.incoming.socket.remoteAddress || 'unknown'
}
