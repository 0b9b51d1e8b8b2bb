// Runs in the browser, after the viewer's bundle.
const { SwaggerUIBundle } = globalThis

const ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  filter: true,
  tryItOutEnabled: true,
  oauth2RedirectUrl: `${location.origin}/docs/oauth2-redirect.html`,
})
ui.initOAuth({
  clientId: 'staffmesh-web',
  scopes: 'openid',
  usePkceWithAuthorizationCodeGrant: true,
})
