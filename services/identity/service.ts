import { service } from '#kit/service.ts'
import { identityContract } from './contract.ts'

/** Path under which the edge serves the OpenID Connect provider. */
export const oidcPath = '/oidc'

export const identityService = service({
  contract: identityContract,
  database: {
    pool: 10,
    unscoped: {
      tenant: 'the tenants themselves; a login finds its tenant here by the short name, before it has one',
      account_tenant: 'the OIDC library knows an account by its id alone; this tells its tenant',
      client: 'OAuth clients of the platform are the same for all tenants',
      oidc_artifact:
        'the OIDC library finds codes, sessions and tokens by an unguessable id, before a tenant is known',
      login_throttle:
        'counts failed logins per account and per address, also for companies that do not exist',
    },
  },
  worker: true,
  calls: {},
  slo: { availability: 0.9995, latency: { query: 200, command: 500 } },
  scaling: { min: 2, max: 8, cpu: 60 },
  // A login takes about ten requests; a whole company may sit behind one address.
  limits: { perAddress: { requests: 600, seconds: 60 } },
  secrets: {
    'signing-keys.json': { file: 'SIGNING_KEYS_FILE', because: 'the private keys that sign tokens' },
    'cookie-keys.json': { file: 'COOKIE_KEYS_FILE', because: 'what cookies of a login are signed with' },
  },
  publicPaths: [
    {
      methods: ['GET'],
      path: `${oidcPath}/.well-known/openid-configuration`,
      because: 'OpenID Connect discovery: a client library starts here',
    },
    { methods: ['GET'], path: `${oidcPath}/jwks`, because: 'the public keys that verify tokens' },
    {
      methods: ['GET'],
      path: `${oidcPath}/auth`,
      because: 'the authorization endpoint: a browser comes here to log in',
    },
    {
      methods: ['GET'],
      path: `${oidcPath}/auth/{uid}`,
      because: 'the authorization endpoint resumes here after the login page',
    },
    {
      methods: ['GET', 'POST'],
      path: `${oidcPath}/login/{uid}`,
      because: 'the login page: who comes here has no token yet',
    },
    {
      methods: ['GET', 'POST'],
      path: `${oidcPath}/invitation`,
      because: 'a new person sets the first password here, before he can log in',
    },
    {
      methods: ['POST'],
      path: `${oidcPath}/token`,
      because: 'the token endpoint: authenticates the client itself',
    },
    {
      methods: ['POST'],
      path: `${oidcPath}/token/revocation`,
      because: 'a client gives back a token; authenticates the client itself',
    },
    {
      methods: ['GET', 'POST'],
      path: `${oidcPath}/me`,
      because: 'userinfo: takes the access token as OpenID Connect says, not as the edge does',
    },
    {
      methods: ['GET'],
      path: `${oidcPath}/session/end`,
      because: 'logout: a browser comes with its session cookie',
    },
    {
      methods: ['POST'],
      path: `${oidcPath}/session/end/confirm`,
      because: 'logout: the answer to "do you want to log out"',
    },
    {
      methods: ['GET'],
      path: `${oidcPath}/session/end/success`,
      because: 'logout: the page at its end',
    },
  ],
})
