import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import Provider, { type Adapter, type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'
import { audiences } from '#kit/caller.ts'
import type { Database } from '#kit/database.ts'
import { log } from '#kit/log.ts'
import { accessTokenLifetime, type IdentityConfig } from '../config.ts'
import { hashSecret } from '../store/clients.ts'
import { ArtifactAdapter } from './adapter.ts'
import { metadataOf, usableClient } from './clients.ts'
import { renderError, renderLoggedOut, renderLogout } from './pages.ts'
import { lifetimeOf, oidcAccount, tokenClaims, usableSubject } from './subject.ts'

const minute = 60
const day = 24 * 60 * minute

const scopes = ['openid', 'offline_access', 'profile', 'email']

/** The certified OpenID Connect library, with what is ours: accounts, claims, storage, pages. */
export function createProvider(database: Database, config: IdentityConfig): Provider {
  const resource = `${config.publicUrl}/`
  const provider = new Provider(config.issuer, {
    adapter: adapterFor(database, config.publicUrl),
    jwks: config.signingKeys,
    cookies: { keys: config.cookieKeys },
    scopes,
    claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
    extraParams: ['company'],
    responseTypes: ['code'],
    // Not client_secret_jwt: the database knows just the hash of a secret.
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: renderLogout,
        postLogoutSuccessSource: renderLoggedOut,
      },
      resourceIndicators: {
        enabled: true,
        // Every client gets a JWT for the API, whether or not it knows of resources.
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo(_ctx, indicator) {
          if (indicator !== resource && indicator !== config.publicUrl) throw new errors.InvalidTarget()
          return {
            audience: audiences.user,
            // So that the token says whether userinfo may be asked, see userinfo.ts.
            scope: scopes.join(' '),
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'RS256', kid: config.signingKeys.keys[0]!.kid } },
          }
        },
      },
    },
    async findAccount(_ctx, id) {
      const subject = await usableSubject(database, id)
      return subject && oidcAccount(subject)
    },
    async extraTokenClaims(_ctx, token) {
      if (token.kind === 'AccessToken') {
        const subject = await usableSubject(database, token.accountId)
        if (!subject) throw new errors.InvalidGrant('account may not be used')
        return tokenClaims(subject, token.clientId!)
      }
      const client = await usableClient(database, token.clientId!)
      if (!client?.tenant) throw new errors.InvalidClient('client has no tenant')
      return { tid: client.tenant, azp: client.id, roles: client.roles }
    },
    loadExistingGrant: grantAll,
    // Refresh tokens need no offline_access here, since all clients are the platform's own, and end with the login
    // session: one logout, or one disabled account, ends all.
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => true,
    rotateRefreshToken: true,
    // A page may use the token endpoint as a client that is at home there: its redirects lead to the same origin.
    clientBasedCORS: (_ctx, origin, client) =>
      (client.redirectUris ?? []).some((uri) => new URL(uri).origin === origin),
    interactions: {
      url: (_ctx, interaction) => `${new URL(config.issuer).pathname}/login/${interaction.uid}`,
    },
    ttl: {
      AccessToken: (ctx) => lifetimeOf(ctx.oidc.entities.Account, accessTokenLifetime),
      ClientCredentials: accessTokenLifetime,
      AuthorizationCode: minute,
      IdToken: 60 * minute,
      Interaction: 30 * minute,
      Session: 14 * day,
      RefreshToken: 14 * day,
      Grant: 14 * day,
    },
    renderError,
  } satisfies Configuration)
  // handler.ts sets X-Forwarded-Host and -Proto.
  provider.proxy = true
  provider.on('server_error', (_ctx, error) => log.error({ err: error }, 'OIDC request failed'))
  deterministicSuccessors(provider, config.cookieKeys[0]!)
  hashedSecrets(provider)
  return provider
}

function adapterFor(database: Database, publicUrl: string): (model: string) => Adapter {
  return (model) => {
    const adapter = new ArtifactAdapter(model, database)
    if (model !== 'Client') return adapter
    return Object.assign(adapter, {
      async find(id: string) {
        const client = await usableClient(database, id)
        return client && metadataOf(client, publicUrl)
      },
    })
  }
}

/** All clients with a login are the platform's own, so nobody is asked for consent. */
async function grantAll(ctx: KoaContextWithOIDC) {
  const { client, session, params, provider } = ctx.oidc
  const known = session!.grantIdFor(client!.clientId)
  const grant =
    (known && (await provider.Grant.find(known))) ||
    new provider.Grant({ clientId: client!.clientId, accountId: session!.accountId })
  const asked = String(params!.scope ?? '')
  grant.addOIDCScope(asked)
  for (const resource of [params!.resource ?? []].flat()) grant.addResourceScope(String(resource), asked)
  await grant.save()
  return grant
}

/**
 * The successor of a refresh token follows from it and a secret, so that a retry gets the same one. Were it another,
 * a thief who is quick enough would get a branch of his own that no reuse ever gives away.
 */
function deterministicSuccessors(provider: Provider, secret: string): void {
  Object.assign(provider.RefreshToken.prototype, {
    generateTokenId() {
      const rotated = Provider.ctx?.oidc.entities.RotatedRefreshToken
      return rotated
        ? createHmac('sha256', secret).update(`refresh\n${rotated.jti}`).digest('base64url')
        : randomBytes(32).toString('base64url')
    },
  })
}

/** The database holds hashes of client secrets. */
function hashedSecrets(provider: Provider): void {
  provider.Client.prototype.compareClientSecret = function (actual) {
    const [given, stored] = [hashSecret(actual), this.clientSecret ?? ''].map((it) => Buffer.from(it))
    return given!.length === stored!.length && timingSafeEqual(given!, stored!)
  }
}
